import { describeError, type ErrorCode, EvenkeelError } from "../../../common/errors.ts";
import type { KubeClient, KubeRequest } from "../../../common/kubernetes/client.ts";
import { hasCode } from "../../../common/kubernetes/failure.ts";
import { adviceForForbidden } from "../../../common/kubernetes/rbac.ts";
import { RESOURCES, type Target } from "../../../common/kubernetes/resource-type.ts";
import type { Node } from "../../fleet/kubernetes/objects.ts";
import type { Clocks } from "./clock.ts";
import { CounterRates } from "./counter-rates.ts";
import type { FleetPod } from "./fleet-pods.ts";
import type { PodRecorder } from "./recorder.ts";
import { podCounters } from "./resource-metrics.ts";
import { readingStatus, type SourceStatus } from "./source-status.ts";

/** How a kubelet is reached. */
export type KubeletAccess =
  /** Through the API server: works wherever it does, but nodes/proxy is a mighty right. */
  | "proxy"
  /** At the node's address; nodes/metrics is enough. Its certificate must be of the cluster's authority. */
  | "direct"
  /** The same with a certificate of nobody: the token is shown to whoever answers at the node's address. */
  | "direct-insecure";

/** Kubelets asked at once. */
const AT_ONCE = 8;
/** For one kubelet's answer, in ms. */
const TIMEOUT_MS = 5000;
const KUBELET_PORT = 10250;

/** Reads `/metrics/resource` of every node that holds a pod of the fleet, and turns its counters into rates. */
export class KubeletReader {
  readonly #client: KubeClient;
  readonly #recorder: PodRecorder;
  readonly #nodes: { readonly objects: ReadonlyMap<string, Node> };
  readonly #access: KubeletAccess;
  readonly #clocks: Clocks;
  readonly #rates = new CounterRates();
  #asked = 0;
  #complete = false;

  constructor(
    client: KubeClient,
    recorder: PodRecorder,
    options: {
      readonly nodes: { readonly objects: ReadonlyMap<string, Node> };
      readonly access: KubeletAccess;
      readonly clocks: Clocks;
    },
  ) {
    this.#client = client;
    this.#recorder = recorder;
    this.#nodes = options.nodes;
    this.#access = options.access;
    this.#clocks = options.clocks;
  }

  /** Did every kubelet answer the last time? */
  get complete(): boolean {
    return this.#complete;
  }

  /** Nodes that the fleet's pods run on. */
  get nodes(): number {
    return this.#asked;
  }

  /** @throws EvenkeelError EK_KUBE_… when no kubelet answers */
  async read(signal: AbortSignal): Promise<SourceStatus> {
    const pods = this.#recorder.pods();
    const names = [...new Set([...pods.values()].flatMap(({ node }) => (node === undefined ? [] : [node])))];
    this.#asked = names.length;
    this.#rates.retain(new Set(pods.keys()));
    const failures: unknown[] = [];
    let known = 0;
    const queue = [...names];
    const work = async () => {
      for (let node = queue.shift(); node !== undefined; node = queue.shift())
        try {
          known += this.#record(await this.#ask(node, signal), pods);
        } catch (error) {
          failures.push(error);
        }
    };
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, names.length) }, work));
    this.#complete = failures.length === 0;
    if (names.length === 0) return { source: "kubelet", state: "idle", detail: "the fleet has no pods", next: "" };
    if (failures.length === names.length) throw failures[0];
    const missing =
      failures.length === 0 ? "" : `; ${failures.length} of ${names.length} nodes: ${describeError(failures[0])}`;
    return readingStatus("kubelet", `${known} of ${pods.size} pods${missing}`, known, this.#recorder.take());
  }

  #record(text: string, pods: ReadonlyMap<string, FleetPod>): number {
    const readMs = this.#clocks.wallMs();
    let known = 0;
    for (const { pod: key, cpuSeconds, wallMs } of podCounters(text)) {
      const pod = pods.get(key);
      if (pod === undefined) continue;
      known += 1;
      const atMs = wallMs ?? readMs;
      const rate = this.#rates.read(key, cpuSeconds, atMs);
      if (rate !== undefined) this.#recorder.recordCores(pod, rate.perSecond, { wallMs: atMs, overMs: rate.overMs });
    }
    return known;
  }

  async #ask(node: string, signal: AbortSignal): Promise<string> {
    const request = { verb: "get", signal, timeoutMs: TIMEOUT_MS } as const;
    if (this.#access === "proxy")
      return this.#client.text({
        ...request,
        target: { resource: RESOURCES.nodes, name: node, subresource: "proxy/metrics/resource" },
      });
    return this.#askDirectly(node, request);
  }

  async #askDirectly(node: string, request: Pick<KubeRequest, "verb" | "signal" | "timeoutMs">): Promise<string> {
    const url = kubeletUrl(this.#nodes.objects.get(node));
    if (url === undefined)
      throw new EvenkeelError("EK_KUBE_FORBIDDEN", `the address of node ${node} is not known`, {
        next: adviceForForbidden("list", { resource: RESOURCES.nodes }, undefined),
      });
    try {
      const server = { url, verify: this.#access === "direct" };
      return await this.#client.text({ ...request, target: { path: "/metrics/resource" }, server });
    } catch (error) {
      if (hasCode(error, "EK_KUBE_FORBIDDEN", "EK_KUBE_UNAUTHORISED")) throw withRule(error, node);
      throw isNotBelieved(error) ? advised("EK_KUBE_UNREACHABLE", error, OTHER_WAYS) : error;
    }
  }
}

/** A certificate that the roots do not vouch for, or of another name; by the codes of Node's TLS. */
function isNotBelieved(error: unknown): error is EvenkeelError {
  if (!hasCode(error, "EK_KUBE_UNREACHABLE")) return false;
  const { code } = (error.cause ?? {}) as NodeJS.ErrnoException;
  return code !== undefined && /CERT|UNABLE_TO_VERIFY/.test(code);
}

/** Kubelets sign their certificates themselves unless the cluster was set up otherwise. */
const OTHER_WAYS =
  "give --kubelet-access=direct-insecure (Helm: controlPlane.kubeletAccess), or =proxy, through the API server";

/** The same error with what mends it here. */
function advised(code: ErrorCode, error: EvenkeelError, next: string): EvenkeelError {
  const where = error.where === undefined ? {} : { where: error.where };
  return new EvenkeelError(code, error.message, { ...where, next, cause: error });
}

function kubeletUrl(node: Node | undefined): string | undefined {
  const address = node?.status?.addresses?.find(({ type }) => type === "InternalIP")?.address;
  if (address === undefined) return undefined;
  const port = node?.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? KUBELET_PORT;
  return `https://${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** A kubelet asks the API server for the right to the subresource that the path stands for. */
function withRule(error: EvenkeelError, node: string): EvenkeelError {
  const target: Target = { resource: RESOURCES.nodes, name: node, subresource: "metrics" };
  return advised("EK_KUBE_FORBIDDEN", error, adviceForForbidden("get", target, undefined));
}
