import { EvenkeelError } from "../../common/errors.ts";
import { consolePort } from "./console.ts";
import type { Workload } from "./installation.ts";
import type { Look } from "./look.ts";
import type { Pod } from "./objects.ts";
import { isReady } from "./pod-state.ts";
import { portOf, programOf, settingOf } from "./program.ts";

/** What a pod tells Prometheus. */
export interface PodMetrics {
  readonly workload: Workload;
  readonly pod: Pod;
  readonly text: string;
}

const WORKER_PORT = 8080;
/** Where Istio's agent tells its own figures and Envoy's. */
const ISTIO_PORT = 15020;

/** Asks the pods of workloads. One that does not answer is left out, unless the caller may not ask at all. */
export async function readPodMetrics(look: Look, workloads: readonly Workload[]): Promise<readonly PodMetrics[]> {
  const pods = workloads.flatMap((workload) =>
    workload.pods.filter(isReady).map((pod) => ({ workload, pod, at: metricsAt(workload, pod) })),
  );
  const read = pods.map(async ({ workload, pod, at }): Promise<readonly PodMetrics[]> => {
    if (at === undefined) return [];
    try {
      return [{ workload, pod, text: (await look.ask(pod, at.port, at.path)).body }];
    } catch (error) {
      if (error instanceof EvenkeelError && error.code !== "EK_KUBE_FORBIDDEN") return [];
      throw error;
    }
  });
  return (await Promise.all(read)).flat();
}

function metricsAt({ role }: Workload, pod: Pod): { readonly port: number; readonly path: string } | undefined {
  const annotations = pod.metadata.annotations ?? {};
  const port = Number(annotations["prometheus.io/port"]);
  if (port > 0) return { port, path: annotations["prometheus.io/path"] ?? "/metrics" };
  if (role === "control-plane") return { port: consolePort(pod), path: "/metrics" };
  if (role === "gateway") return { port: ISTIO_PORT, path: "/stats/prometheus" };
  if (role !== "worker") return undefined;
  const container = pod.spec?.containers?.find((each) => programOf(each) === "worker") ?? pod.spec?.containers?.[0];
  if (container === undefined) return undefined;
  const set = Number(settingOf(container, "port", "EVENKEEL_WORKER_PORT") ?? WORKER_PORT);
  return { port: portOf(container, ["http"], set), path: "/metrics" };
}
