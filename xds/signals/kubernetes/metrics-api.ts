import type { KubeClient } from "../../../common/kubernetes/client.ts";
import type { KubeObject } from "../../../common/kubernetes/object.ts";
import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import { goDurationMs } from "./go-duration.ts";
import { cpuCores } from "./quantity.ts";
import type { PodRecorder } from "./recorder.ts";
import { readingStatus, type SourceStatus } from "./source-status.ts";

interface PodMetrics extends KubeObject {
  /** The end of the window. */
  readonly timestamp?: string;
  /** A Go duration, e.g. `15.036s`. */
  readonly window?: string;
  readonly containers?: readonly { readonly usage?: { readonly cpu?: string } }[];
}

/** For an API that does not say it: metrics-server's shortest window by its defaults, in ms. */
const USUAL_WINDOW_MS = 15_000;
/** More namespaces than this are asked for in one list of all. */
const NAMESPACES = 8;

/** Reads the metrics API (metrics-server) once: each pod's CPU over a window of some 15 s. @throws EvenkeelError EK_KUBE_… */
export async function readMetricsApi(
  client: KubeClient,
  recorder: PodRecorder,
  signal: AbortSignal,
): Promise<SourceStatus> {
  const pods = recorder.pods();
  const namespaces = new Set([...pods.values()].map(({ namespace }) => namespace));
  const asked = namespaces.size > NAMESPACES ? [undefined] : [...namespaces];
  let known = 0;
  for (const namespace of asked) {
    const target = { resource: RESOURCES.podMetrics, namespace };
    const list = await client.json<{ readonly items?: readonly PodMetrics[] }>({ verb: "list", target, signal });
    for (const metrics of list.items ?? []) {
      const pod = pods.get(`${metrics.metadata?.namespace}/${metrics.metadata?.name}`);
      const cores = usedCores(metrics);
      if (pod === undefined || cores === undefined) continue;
      known += 1;
      recorder.recordCores(pod, cores, {
        wallMs: Date.parse(metrics.timestamp ?? ""),
        overMs: positive(goDurationMs(metrics.window)) ?? USUAL_WINDOW_MS,
      });
    }
  }
  if (pods.size === 0) return { source: "metrics-api", state: "idle", detail: "the fleet has no pods", next: "" };
  return readingStatus("metrics-api", `${known} of ${pods.size} pods`, known, recorder.take());
}

function usedCores({ containers }: PodMetrics): number | undefined {
  let total = 0;
  for (const { usage } of containers ?? []) {
    const cores = cpuCores(usage?.cpu);
    if (cores === undefined) return undefined;
    total += cores;
  }
  return containers === undefined || containers.length === 0 ? undefined : total;
}

function positive(value: number): number | undefined {
  return value > 0 ? value : undefined;
}
