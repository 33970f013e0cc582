import { describeError } from "../../common/errors.ts";
import { getObject } from "../../common/kubernetes/apply.ts";
import { connectKubernetes, type KubeClient } from "../../common/kubernetes/client.ts";
import { hasCode } from "../../common/kubernetes/failure.ts";
import { listAll } from "../../common/kubernetes/list.ts";
import type { KubeObject } from "../../common/kubernetes/object.ts";
import { RESOURCES } from "../../common/kubernetes/resource-type.ts";
import { loadSettings } from "../../common/settings.ts";
import type { CapacityView } from "../../xds/scaler/capacity.ts";
import { type AnalyzerPod, jobsOf } from "../../xds/scaler/cluster.ts";
import { ANALYZER_SELECTOR } from "../../xds/scaler/names.ts";
import { bySlot } from "../../xds/scaler/nodes.ts";
import type { TriggerView } from "../../xds/scaler/release-desk.ts";
import { orderOf } from "../../xds/scaler/trigger.ts";
import type { SourceStatus } from "../../xds/signals/kubernetes/source-status.ts";
import { type PlaceSettings, STATUS } from "./settings.ts";
import { CONTROLLER, HTTP_PORT, SCALER } from "./template/marks.ts";

interface ScaledJob extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
  };
}

interface Deployment extends KubeObject {
  readonly spec?: { readonly replicas?: number };
  readonly status?: { readonly readyReplicas?: number };
}

/** `evenkeel posture status`: 0 when the scaler and the controller work, and some source of CPU figures does. @throws EvenkeelError EK_KUBE_… */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(STATUS, args);
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return 0;
  }
  const client = connectKubernetes(loaded.values);
  try {
    const { lines, works } = await status(client, loaded.values);
    process.stdout.write(`${lines.join("\n")}\n`);
    return works ? 0 : 1;
  } finally {
    client.close();
  }
}

/** How it stands, for a person. @throws EvenkeelError EK_KUBE_… */
export async function status(
  client: KubeClient,
  { namespace }: PlaceSettings,
): Promise<{ readonly lines: readonly string[]; readonly works: boolean }> {
  const programs = await Promise.all([CONTROLLER, SCALER].map((name) => programLine(client, namespace, name)));
  const [nodes, sources, triggers] = await Promise.all([
    ask<CapacityView>(client, namespace, CONTROLLER, "/nodes"),
    ask<readonly SourceStatus[]>(client, namespace, CONTROLLER, "/sources"),
    ask<readonly TriggerView[]>(client, namespace, SCALER, "/triggers"),
  ]);
  const jobs = await jobLines(client, namespace, typeof triggers === "string" ? [] : triggers);
  const lines = [
    ...programs.map(({ line }) => line),
    ...(typeof nodes === "string" ? [`nodes: ${nodes}`] : nodeLines(nodes)),
    ...(typeof sources === "string" ? [] : sources.map(sourceLine)),
    ...jobs,
    ...(typeof triggers === "string" ? [`triggers: ${triggers}`] : []),
  ];
  const isTold = typeof sources !== "string" && sources.some(({ state }) => state === "ok");
  const works =
    programs.every(({ ready }) => ready) && typeof nodes !== "string" && isTold && typeof triggers !== "string";
  return { lines, works };
}

async function programLine(client: KubeClient, namespace: string, name: string) {
  const found = await getObject<Deployment>(client, { resource: RESOURCES.deployments, namespace, name });
  if (found === undefined) return { ready: false, line: `${name}: not there` };
  const ready = found.status?.readyReplicas ?? 0;
  return { ready: ready > 0, line: `${name}: ${ready} of ${found.spec?.replicas ?? 1} ready` };
}

/** Asks one of the programs through the API server. @returns a text that says why, when it does not answer */
async function ask<T>(client: KubeClient, namespace: string, service: string, path: string): Promise<T | string> {
  const proxied = `/api/v1/namespaces/${namespace}/services/http:${service}:${HTTP_PORT}/proxy${path}`;
  try {
    return await client.json<T>({ verb: "get", target: { path: proxied } });
  } catch (error) {
    return `${service} does not tell: ${describeError(error)}`;
  }
}

function nodeLines({ nodes, available }: CapacityView): readonly string[] {
  const eligible = nodes.filter((node) => node.eligible).toSorted(bySlot);
  const lines = eligible.map(({ name, slot, cpu, state, why }) => {
    const use = cpu === null ? "CPU not known" : `CPU ${Math.round(cpu.utilisation * 100)} % (${cpu.source})`;
    return `  ${name}: ${slot === null ? "no slot" : `slot-${slot}`}, ${use}, ${state}${why === "" ? "" : ` (${why})`}`;
  });
  return [`nodes: ${available} free of ${eligible.length} eligible`, ...lines];
}

export function sourceLine({ source, state, detail, next }: SourceStatus): string {
  return `CPU figures by ${source}: ${state} (${detail})${next === "" ? "" : `: ${next}`}`;
}

async function jobLines(client: KubeClient, namespace: string, triggers: readonly TriggerView[]) {
  let scaledJobs: readonly ScaledJob[];
  try {
    scaledJobs = (await listAll<ScaledJob>(client, { resource: RESOURCES.scaledJobs, namespace })).items;
  } catch (error) {
    if (hasCode(error, "EK_KUBE_API_MISSING")) return ["jobs: the cluster has no KEDA"];
    throw error;
  }
  const pods = { resource: RESOURCES.pods, namespace };
  const { running } = jobsOf((await listAll<AnalyzerPod>(client, pods, { labelSelector: ANALYZER_SELECTOR })).items);
  const views = new Map(triggers.map((view) => [view.trigger, view]));
  const ordered = scaledJobs.toSorted((a, b) => orderOf(a.metadata.name) - orderOf(b.metadata.name) || 0);
  const lines = ordered.map((job) => {
    const key = `${namespace}/${job.metadata.name}`;
    const view = views.get(key);
    const state = running.has(key) ? "runs" : view === undefined ? "KEDA has not asked yet" : view.state;
    const waiting = typeof view?.waiting === "number" ? `, ${view.waiting} images wait` : "";
    const why = view === undefined || running.has(key) ? "" : ` (${view.detail})`;
    return `  ${job.metadata.name}: ${state}${waiting}${why}${notReady(job)}`;
  });
  return [`jobs: ${running.size} run of ${scaledJobs.length}`, ...lines];
}

function notReady({ status }: ScaledJob): string {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  return ready === undefined || ready.status === "True" ? "" : `; KEDA: ${ready.message ?? "not ready"}`;
}
