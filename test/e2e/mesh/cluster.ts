import { findPrograms } from "../../rig/programs/programs.ts";
import { waitUntil } from "../../rig/ready.ts";
import type { Rig } from "../../rig/rig.ts";

/** What the check works with. */
export interface Mesh {
  readonly rig: Rig;
  readonly say: (line: string) => void;
}

export interface KubeObject {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec?: Readonly<Record<string, unknown>> & { readonly serviceAccountName?: string };
  readonly status?: {
    readonly podIP?: string;
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}

export const SHOP = "shop";
export const EVENKEEL = "evenkeel";
const MINUTE = 60_000;

export async function get<T = KubeObject>(rig: Rig, ...what: readonly string[]): Promise<T> {
  return JSON.parse(await rig.kubectl(["get", ...what, "-o", "json"])) as T;
}

/** The pods of an app that run and are not about to end. */
export async function podsOf(rig: Rig, namespace: string, selector: string): Promise<readonly KubeObject[]> {
  const { items } = await get<{ items: KubeObject[] }>(rig, "pods", "-n", namespace, "-l", selector);
  return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

/** Waits until a Deployment's newest pods are all there. */
export async function rolledOut(rig: Rig, namespace: string, name: string, timeoutMs = 3 * MINUTE): Promise<void> {
  await rig.kubectl([
    "rollout",
    "status",
    `deployment/${name}`,
    "-n",
    namespace,
    `--timeout=${Math.round(timeoutMs / 1000)}s`,
  ]);
}

/** Waits for a condition of a ProxyService, true of its newest generation. */
export async function conditionHolds(rig: Rig, type: string, name = "ps-s0"): Promise<void> {
  let said = "";
  const holds = async () => {
    const resource = await get<
      KubeObject & { metadata: { generation: number }; status?: { observedGeneration?: number } }
    >(rig, "ps", name, "-n", SHOP);
    said = JSON.stringify(resource.status?.conditions ?? "no conditions");
    const condition = resource.status?.conditions?.find((each) => each.type === type);
    return condition?.status === "True" && resource.status?.observedGeneration === resource.metadata.generation;
  };
  const patience = { timeoutMs: 3 * MINUTE, everyMs: 500 };
  await waitUntil(`condition ${type} of ${name}`, holds, patience).catch((error: Error) => {
    throw new Error(`${error.message}; its conditions: ${said}`);
  });
}

/** The part of a Service's specification, and of its annotations, that its owner wrote. */
export async function serviceAsWritten(rig: Rig, name: string): Promise<unknown> {
  const { spec, metadata } = await get(rig, "service", name, "-n", SHOP);
  const { "kubectl.kubernetes.io/last-applied-configuration": _, ...annotations } = metadata.annotations ?? {};
  return { spec, annotations };
}

/** istioctl against the rig. */
export async function istioctl(rig: Rig, ...words: readonly string[]): Promise<string> {
  const { istioctl: program = "" } = await findPrograms(["istioctl"], () => undefined);
  return rig.exec([program, "--kubeconfig", rig.kubeconfig, ...words]);
}

/** Reads a page of a control plane's console. */
export async function consolePage<T>(rig: Rig, address: string, page: string): Promise<T> {
  const script = `fetch("http://${address}:18001/${page}").then((answer) => answer.text()).then(console.log)`;
  return JSON.parse(await rig.exec([process.execPath, "-e", script])) as T;
}
