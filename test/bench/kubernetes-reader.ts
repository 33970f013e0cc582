import {
  CoreV1Api,
  DiscoveryV1Api,
  type KubernetesObject,
  makeInformer,
  type V1EndpointSlice,
} from "@kubernetes/client-node";
import { pino } from "pino";
import { mergePatch, targetOf } from "../../common/kubernetes/apply.ts";
import { connectKubernetes } from "../../common/kubernetes/client.ts";
import { loadKubeConfig } from "../../common/kubernetes/config.ts";
import { kubernetesFleet } from "../../xds/fleet/kubernetes/kubernetes-fleet.ts";
import { watchKubernetes } from "../../xds/fleet/kubernetes/watches.ts";
import type { Reading } from "./kubernetes.ts";
import { addressOf, ENDPOINTS_EACH, NAMESPACE, nameOf, SERVICES, sliceOf } from "./kubernetes-objects.ts";

/** Changes of one slice each. */
const CHANGES = 70;
const CHANGE_TIMEOUT_MS = 10_000;

/** Reads the bench's cluster in one of two ways. */
interface Reader {
  /** Settles when all is known. */
  readonly known: Promise<void>;
  /** Is this address known as the last one of a Service's? */
  has(service: number, address: string): boolean;
  /** @returns the end of it */
  onChange(listener: () => void): () => void;
}

function readFleet(kubeconfig: string): Reader {
  const client = connectKubernetes({ kubeconfig, context: "" });
  const fleet = kubernetesFleet({ watches: watchKubernetes(client, { log: pino({ level: "silent" }) }) });
  const cluster = (service: number) => `outbound|80||${nameOf(service)}.${NAMESPACE}.svc.cluster.local`;
  for (let service = 0; service < SERVICES; service += 1) fleet.request(cluster(service));
  const known = new Promise<void>((resolve) => {
    fleet.subscribe(() => {
      if (fleet.current() !== undefined) resolve();
    });
  });
  return {
    known,
    has: (service, address) =>
      fleet
        .current()
        ?.clusters.get(cluster(service))
        ?.endpoints.some((endpoint) => endpoint.address === address) === true,
    onChange: (listener) => fleet.subscribe(listener),
  };
}

function readInformers(kubeconfig: string): Reader {
  const config = loadKubeConfig({ kubeconfig, context: "" });
  const core = config.makeApiClient(CoreV1Api);
  const discovery = config.makeApiClient(DiscoveryV1Api);
  const slices = makeInformer<V1EndpointSlice>(config, "/apis/discovery.k8s.io/v1/endpointslices", () =>
    discovery.listEndpointSliceForAllNamespaces(),
  );
  const others = [
    makeInformer<KubernetesObject>(config, "/api/v1/services", () => core.listServiceForAllNamespaces()),
    makeInformer<KubernetesObject>(config, "/api/v1/pods", () => core.listPodForAllNamespaces()),
  ];
  const started = Promise.all([slices, ...others].map((informer) => informer.start()));
  return {
    known: started.then(() => undefined),
    has: (service, address) =>
      slices.get(`${nameOf(service)}-1`, NAMESPACE)?.endpoints?.at(-1)?.addresses[0] === address,
    onChange(listener) {
      slices.on("change", listener);
      return () => slices.off("change", listener);
    },
  };
}

async function measure(kind: string, kubeconfig: string): Promise<Reading> {
  const before = heapMib();
  const started = performance.now();
  const reader = kind === "fleet" ? readFleet(kubeconfig) : readInformers(kubeconfig);
  await reader.known;
  const syncMs = performance.now() - started;
  for (let service = 0; service < SERVICES; service += 1)
    if (!reader.has(service, addressOf(service, ENDPOINTS_EACH - 1, 0))) await changed(reader, service, 0);
  const heap = heapMib() - before;
  const resident = process.memoryUsage().rss / 2 ** 20;
  const changes: number[] = [];
  const client = connectKubernetes({ kubeconfig, context: "" });
  for (let change = 0; change < CHANGES; change += 1) {
    const service = (change * 7) % SERVICES;
    const slice = sliceOf(service, 1);
    const from = performance.now();
    const seen = changed(reader, service, 1);
    await mergePatch(client, targetOf(slice), { endpoints: slice.endpoints }, "bench");
    changes.push((await seen) - from);
    // As it was, for the next reader.
    await mergePatch(client, targetOf(slice), { endpoints: sliceOf(service).endpoints }, "bench");
    await changed(reader, service, 0);
  }
  return { syncMs, heapMib: heap, residentMib: resident, changesMs: changes };
}

/** Settles with the time at which the reader knows the slice's generation. */
function changed(reader: Reader, service: number, generation: number): Promise<number> {
  const address = addressOf(service, ENDPOINTS_EACH - 1, generation);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no change of service ${service}`)), CHANGE_TIMEOUT_MS);
    const look = () => {
      if (!reader.has(service, address)) return;
      clearTimeout(timer);
      end();
      resolve(performance.now());
    };
    const end = reader.onChange(look);
    look();
  });
}

function heapMib(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

const [kind = "", kubeconfig = ""] = process.argv.slice(2);
console.log(JSON.stringify(await measure(kind, kubeconfig)));
process.exit(0);
