import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { freePorts } from "../../common/ports.ts";
import { type FileEnvoy, startFileEnvoy } from "../../test/e2e/support/file-xds.ts";
import { parseFleet } from "../../xds/fleet/file/parse.ts";
import { beginUpload, bodyOf, type SlowClient } from "./slow-client.ts";
import { availableIsolations, metric, startWorker, until, upload, type WorkerUnderTest } from "./worker-under-test.ts";

// A real Envoy and real scripts on a machine that may be very busy.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const [isolation] = (await availableIsolations()).values();
if (isolation === undefined) throw new Error("no script can be run on this machine");

let folder: string;
let narrow: WorkerUnderTest;
let wide: WorkerUnderTest;
let envoy: FileEnvoy;
let port: number;
const clients: SlowClient[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "worker-envoy-"));
  narrow = await startWorker(isolation, { concurrency: 1, queue: 0 });
  wide = await startWorker(isolation, { concurrency: 2, queue: 30 });
  [port = 0] = await freePorts(1);
  const fleet = `
clusters:
  - name: workers
    endpoints:
      - { address: 127.0.0.1, port: ${narrow.port} }
      - { address: 127.0.0.1, port: ${wide.port} }
listeners:
  - name: front-door
    address: 127.0.0.1
    port: ${port}
    routes:
      - { prefix: /, cluster: workers }
`;
  envoy = await startFileEnvoy(parseFleet(fleet, "fleet.yaml"));
});
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  await envoy?.stop();
  await Promise.all([narrow, wide].map((worker) => worker?.close()));
  await rm(folder, { recursive: true, force: true });
});

const ARRIVING = "worker_uploads_arriving";

/** Tells Envoy of other endpoints, and waits until it knows them. */
async function serveBy(...workers: readonly WorkerUnderTest[]): Promise<void> {
  const endpoints = workers.map((worker) => `{ address: 127.0.0.1, port: ${worker.port} }`).join(", ");
  await envoy.updateEndpoints(parseFleet(`{ clusters: [{ name: workers, endpoints: [${endpoints}] }] }`, "fleet.yaml"));
  await vi.waitFor(
    async () => {
      const known = new Set((await envoy.envoy.admin("/clusters")).match(/(?<=^workers::127\.0\.0\.1:)\d+/gm));
      expect([...known].map(Number).sort()).toEqual(workers.map((worker) => worker.port).sort());
    },
    { timeout: 60_000, interval: 100 },
  );
}

it("an upload that finds the queue full when it has arrived is run by another worker, and each only once", async () => {
  const ran = join(folder, "ran");
  const append = (n: number) => `open(${JSON.stringify(ran)}, 'a').write('${n}\\n')`;
  await serveBy(narrow);
  for (let n = 0; n < 4; n++) clients.push(await beginUpload(port, append(n)));
  await until("all of them arrive", async () => (await metric(narrow.url, ARRIVING)) === 4);
  const flag = join(folder, "go");
  const running = upload(
    narrow.url,
    `import os, time\nwhile not os.path.exists(${JSON.stringify(flag)}): time.sleep(0.02)`,
  );
  await until("the worker is full", async () => (await metric(narrow.url, "worker_jobs_running")) === 1);
  await serveBy(narrow, wide);
  for (const client of clients) {
    client.finish();
    expect(bodyOf(await client.answer)).toMatchObject({ returncode: 0 });
  }
  expect(await metric(narrow.url, 'worker_rejected_total{reason="queue-full"}')).toBeGreaterThanOrEqual(4);
  expect(await metric(wide.url, 'worker_jobs_total{outcome="ok"}')).toBe(4);
  await writeFile(flag, "");
  expect((await running).status).toBe(200);
  expect(readFileSync(ran, "utf8")).toBe("0\n1\n2\n3\n");
});

it("slow clients keep nobody waiting, and each of them is told so in JSON", async () => {
  const few = await startWorker(isolation, { concurrency: 1, queue: 1, arriving: 4, slowestUploadBytesPerS: 1000 });
  try {
    await serveBy(few);
    for (let n = 0; n < 20; n++) clients.push(await beginUpload(port, "print('slow')"));
    await until("they have all places", async () => (await metric(few.url, ARRIVING)) === 4);
    const url = `http://127.0.0.1:${port}`;
    // A client does as Retry-After says: those that hold the places are not slow in their first second, and a place that
    // an upload leaves may be taken by the next of them.
    for (const script of ["print(1)", "print(2)"])
      await until("an upload gets through", async () => (await upload(url, script)).status === 200);
    const answers = await Promise.all(clients.map(({ answer }) => answer));
    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1\.1 (408|503) /);
      expect(answer).toMatch(/content-type: application\/json/);
    }
    expect(answers.filter((answer) => answer.startsWith("HTTP/1.1 408 ")).length).toBeGreaterThan(0);
  } finally {
    await few.close();
  }
  expect(existsSync(few.directory)).toBe(false);
});
