import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { logger, setLogLevel } from "../../common/log.ts";
import { findIsolation, findPython, type Isolation, type IsolationName } from "./isolation.ts";
import { openJobDirectories } from "./job-directories.ts";
import type { ScriptLimits } from "./run-script.ts";
import { createWorker, type Worker, type WorkerOptions } from "./server.ts";

/** Limits that no honest test script reaches, on a slow machine either. */
export const WIDE: ScriptLimits = {
  timeMs: 60_000,
  cpuSeconds: 60,
  memoryBytes: 2 ** 30,
  processes: 10_000,
  fileBytes: 2 ** 24,
  outputBytes: 2 ** 16,
};

/** A worker that listens on a free loopback port. */
export interface WorkerUnderTest {
  readonly url: string;
  readonly port: number;
  readonly worker: Worker;
  /** Its own directory; each job's is below. */
  readonly directory: string;
  close(): Promise<void>;
}

/** The isolations that work on this machine, each tried. */
export async function availableIsolations(): Promise<ReadonlyMap<IsolationName, Isolation>> {
  const python = await findPython("python3");
  const workDir = await mkdtemp(join(tmpdir(), "isolations-"));
  const jobs = await openJobDirectories(workDir);
  const found = new Map<IsolationName, Isolation>();
  for (const kind of ["namespaces", "process-group"] as const)
    await findIsolation({ kind, noNetwork: false }, python, jobs, WIDE).then(
      (isolation) => found.set(kind, isolation),
      () => undefined,
    );
  await rm(workDir, { recursive: true });
  return found;
}

/** Starts a worker; what is not given is wide enough for every honest script. */
export async function startWorker(
  isolation: Isolation,
  options: Partial<Omit<WorkerOptions, "limits">> & { readonly limits?: Partial<ScriptLimits> } = {},
): Promise<WorkerUnderTest> {
  setLogLevel("silent");
  const workDir = await mkdtemp(join(tmpdir(), "worker-"));
  const jobs = await openJobDirectories(workDir);
  const worker = await createWorker({
    concurrency: 4,
    queue: 16,
    arriving: 64,
    maxUploadBytes: 2 ** 20,
    uploadSpaceBytes: 2 ** 26,
    slowestUploadBytesPerS: 1,
    uploadTimeoutMs: 60_000,
    isolation,
    jobs,
    log: logger("worker"),
    ...options,
    limits: { ...WIDE, ...options.limits },
  });
  await worker.app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = worker.app.server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    worker,
    directory: jobs.path,
    async close() {
      await worker.drain(0);
      await rm(workDir, { recursive: true, force: true });
    },
  };
}

/** Uploads a script as a client would. */
export function upload(
  url: string,
  script: string | Uint8Array<ArrayBuffer>,
  options: { readonly name?: string; readonly signal?: AbortSignal } = {},
): Promise<Response> {
  const form = new FormData();
  form.append("file", new Blob([script]), options.name ?? "script.py");
  return fetch(`${url}/reencrypt`, { method: "POST", body: form, ...(options.signal && { signal: options.signal }) });
}

/** The value of one series of a worker's metrics. */
export async function metric(url: string, series: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split("\n").find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? Number.NaN : Number(line.slice(series.length));
}

/** Asks again until it is so; fails after a time that only a hang takes. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 50_000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`never came true: ${what}`);
    await sleep(25);
  }
}

/** How many processes of this machine have the mark among their arguments. */
export function processesMarked(mark: string): number {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(mark);
    } catch {
      return false;
    }
  }).length;
}
