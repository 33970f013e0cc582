import { fileURLToPath } from "node:url";
import { startChild } from "../../common/child.ts";
import { EvenkeelError } from "../../common/errors.ts";
import { createObject, type Desired } from "../../common/kubernetes/apply.ts";
import { connectKubernetes } from "../../common/kubernetes/client.ts";
import { startApiServer } from "../rig/api-server.ts";
import { percentile, printTable, round } from "./figures.ts";
import { ENDPOINTS_EACH, NAMESPACE, podOf, SERVICES, serviceOf, sliceOf } from "./kubernetes-objects.ts";

/** Writes at once while the cluster is filled. */
const WRITERS = 8;
const FILE = fileURLToPath(new URL("./kubernetes-reader.ts", import.meta.url));

/** Times that each reader runs, in turn with the other, so that both meet the same machine. */
const ROUNDS = 3;

/** What one reader of the cluster needed in one run. */
export interface Reading {
  readonly syncMs: number;
  readonly heapMib: number;
  readonly residentMib: number;
  /** From the patch of a slice to the change being known, each in ms. */
  readonly changesMs: readonly number[];
}

/** The medians of a reader's runs. */
interface ReaderFigures {
  readonly syncMs: number;
  readonly heapMib: number;
  readonly residentMib: number;
  readonly changeP50Ms: number;
  readonly changeP95Ms: number;
}

/**
 * A real API server with 1 000 Services and 5 000 pods: how long the fleet takes to know them, in how much memory, and how
 * soon it knows a change; and the same of client-node's own informers, which keep the objects and make no fleet of them.
 */
export async function run(json: boolean): Promise<void> {
  const progress = (line: string) => console.error(`· ${line}`);
  progress("starting an API server");
  const server = await startApiServer({ onProgress: progress });
  try {
    await server.kubectl(["create", "namespace", NAMESPACE]);
    await server.kubectl(["create", "serviceaccount", "default", "--namespace", NAMESPACE]);
    progress(`creating ${SERVICES} Services and ${SERVICES * ENDPOINTS_EACH} pods`);
    await fill(server.kubeconfig);
    const informer: Reading[] = [];
    const fleet: Reading[] = [];
    for (let turn = 1; turn <= ROUNDS; turn += 1) {
      progress(`round ${turn} of ${ROUNDS}`);
      informer.push(await read("informer", server.kubeconfig));
      fleet.push(await read("fleet", server.kubeconfig));
    }
    report(json, summary(fleet), summary(informer));
  } finally {
    await server.stop();
  }
}

async function fill(kubeconfig: string): Promise<void> {
  const client = connectKubernetes({ kubeconfig, context: "" });
  const objects: (() => Desired)[] = [];
  for (let service = 0; service < SERVICES; service += 1) {
    objects.push(
      () => serviceOf(service),
      () => sliceOf(service),
    );
    for (let pod = 0; pod < ENDPOINTS_EACH; pod += 1) objects.push(() => podOf(service, pod));
  }
  const write = async () => {
    for (let next = objects.pop(); next !== undefined; next = objects.pop())
      await createObject(client, next(), "bench");
  };
  await Promise.all(Array.from({ length: WRITERS }, write));
  client.close();
}

/** Each reader has a process of its own, so that neither counts the other's memory. */
async function read(kind: "fleet" | "informer", kubeconfig: string): Promise<Reading> {
  let last = "";
  const child = await startChild(process.execPath, ["--expose-gc", FILE, kind, kubeconfig], {
    name: `the ${kind} reader`,
    onLine: (line, stream) => {
      if (stream === "stdout") last = line;
    },
  });
  const { code } = await child.exited;
  if (code !== 0)
    throw new EvenkeelError("EK_CHILD_FAILED", `${child.name} ended with ${code}: ${child.lastLines().join(" | ")}`);
  return JSON.parse(last) as Reading;
}

function summary(readings: readonly Reading[]): ReaderFigures {
  const median = (of: (reading: Reading) => number) => percentile(readings.map(of), 0.5);
  const changes = readings.flatMap(({ changesMs }) => changesMs);
  return {
    syncMs: median(({ syncMs }) => syncMs),
    heapMib: median(({ heapMib }) => heapMib),
    residentMib: median(({ residentMib }) => residentMib),
    changeP50Ms: percentile(changes, 0.5),
    changeP95Ms: percentile(changes, 0.95),
  };
}

function report(json: boolean, fleet: ReaderFigures, informer: ReaderFigures): void {
  const row = (name: string, of: keyof ReaderFigures) => [
    name,
    round(fleet[of]),
    round(informer[of]),
    round(fleet[of] / informer[of], 2),
  ];
  printTable(
    [`${SERVICES} Services, ${SERVICES * ENDPOINTS_EACH} endpoints`, "fleet", "client-node informers", "ratio"],
    [
      row("time to know all (ms)", "syncMs"),
      row("heap (MiB)", "heapMib"),
      row("resident memory (MiB)", "residentMib"),
      row("slice patched to change known, p50 (ms)", "changeP50Ms"),
      row("slice patched to change known, p95 (ms)", "changeP95Ms"),
    ],
  );
  if (!json) return;
  console.log(
    JSON.stringify({
      services: SERVICES,
      endpoints: SERVICES * ENDPOINTS_EACH,
      sync_ms: round(fleet.syncMs),
      heap_mib: round(fleet.heapMib),
      resident_mib: round(fleet.residentMib),
      change_p50_ms: round(fleet.changeP50Ms),
      change_p95_ms: round(fleet.changeP95Ms),
      informer_sync_ms: round(informer.syncMs),
      informer_heap_mib: round(informer.heapMib),
      informer_resident_mib: round(informer.residentMib),
      informer_change_p50_ms: round(informer.changeP50Ms),
      informer_change_p95_ms: round(informer.changeP95Ms),
      heap_ratio: round(fleet.heapMib / informer.heapMib, 2),
      sync_ratio: round(fleet.syncMs / informer.syncMs, 2),
    }),
  );
}
