import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openJobDirectories } from "./job-directories.ts";
import { beginUpload, bodyOf, FORM, formPart, type SlowClient } from "./slow-client.ts";
import {
  availableIsolations,
  metric,
  processesMarked,
  startWorker,
  until,
  upload,
  type WorkerUnderTest,
} from "./worker-under-test.ts";

// Real processes on a machine that may be very busy.
vi.setConfig({ testTimeout: 60_000 });

const [isolation] = (await availableIsolations()).values();
if (isolation === undefined) throw new Error("no script can be run on this machine");

let worker: WorkerUnderTest;
let flags: string;
const others: WorkerUnderTest[] = [];
beforeEach(async () => {
  flags = await mkdtemp(join(tmpdir(), "worker-flags-"));
  worker = await startWorker(isolation);
});
afterEach(async () => {
  await Promise.all([worker, ...others.splice(0)].map((each) => each.close()));
  await rm(flags, { recursive: true, force: true });
});

async function another(options: Parameters<typeof startWorker>[1]): Promise<WorkerUnderTest> {
  const started = await startWorker(isolation as NonNullable<typeof isolation>, options);
  others.push(started);
  return started;
}

/** A script that ends when the test makes the file. */
const waitFor = (file: string): string =>
  `import os, time\nwhile not os.path.exists(${JSON.stringify(file)}): time.sleep(0.02)\nprint('done')`;

/** Sends a body as it is. */
function post(url: string, contentType: string, body: string): Promise<Response> {
  return fetch(`${url}/reencrypt`, { method: "POST", body, headers: { "content-type": contentType } });
}

/** Sends bytes on a bare connection; what came back when the worker closed it. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let answer = "";
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString();
    });
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

const ARRIVING = "worker_uploads_arriving";

describe("POST /reencrypt", () => {
  it("answers with the return code and the output", async () => {
    const response = await upload(worker.url, "import sys; print('a'); print('b', file=sys.stderr)");
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ returncode: 0, stdout: "a\n", stderr: "b\n" });
  });

  it("answers 200 when the script fails", async () => {
    const response = await upload(worker.url, "import sys; sys.exit(3)");
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ returncode: 3, stdout: "", stderr: "" });
  });

  it("says that output was cut", async () => {
    const small = await another({ limits: { outputBytes: 10 } });
    const response = await upload(small.url, "print('x' * 100)");
    expect(await response.json()).toMatchObject({ returncode: 0, truncated: true });
  });

  it("answers 504 when the script runs out of time", async () => {
    const short = await another({ limits: { timeMs: 500 } });
    const response = await upload(short.url, "import time; time.sleep(600)");
    expect(response.status).toBe(504);
    expect(await response.json()).toEqual({ detail: "the script was ended: it ran longer than 0.5 s" });
    expect(await metric(short.url, 'worker_jobs_total{outcome="timeout"}')).toBe(1);
  });

  it("answers 500 when it cannot run scripts", async () => {
    const broken = await another({ isolation: { ...isolation, python: "/nowhere/python3" } });
    const response = await upload(broken.url, "print(1)");
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ detail: expect.stringContaining("the script could not be run: ") });
  });

  it("sends an upload elsewhere that its disk does not take", async () => {
    const workDir = await mkdtemp(join(flags, "jobs-"));
    const jobs = await openJobDirectories(workDir);
    const full = Object.assign(new Error(`ENOSPC: no space left on device, mkdtemp '${workDir}'`), { code: "ENOSPC" });
    const broken = await another({ jobs: { ...jobs, create: () => Promise.reject(full) } });
    const response = await upload(broken.url, "print(1)");
    expect(response.status).toBe(503);
    expect(response.headers.get("x-evenkeel-not-started")).toBe("1");
    expect(await response.json()).toEqual({ detail: "the worker cannot write uploads to its disk just now" });
    expect(await metric(broken.url, 'worker_rejected_total{reason="disk-fails"}')).toBe(1);
  });

  it.each(["../../x.py", "/etc/x.py", "a\\..\\x.py", "-c", "", "näme\u0000\r\n.py"])(
    "never takes a client's file name for a path: %j",
    async (name) => {
      const response = await upload(
        worker.url,
        "import os; print(os.listdir(), __file__ == os.getcwd() + '/script.py')",
        {
          name,
        },
      );
      expect(await response.json()).toMatchObject({ returncode: 0, stdout: "['script.py'] True\n" });
    },
  );

  it("takes a very long file name", async () => {
    const response = await upload(worker.url, "print(1)", { name: `${"n".repeat(5000)}.py` });
    expect(await response.json()).toMatchObject({ returncode: 0, stdout: "1\n" });
  });

  it("keeps uploads apart that come at once, and leaves no directory", async () => {
    const script = "import os, time; n = len(os.listdir()); open('mine', 'w'); time.sleep(0.1); print(n, os.getcwd())";
    const responses = await Promise.all(Array.from({ length: 8 }, () => upload(worker.url, script)));
    const outputs = await Promise.all(
      responses.map(async (response) => ((await response.json()) as { stdout: string }).stdout),
    );
    expect(new Set(outputs).size).toBe(8);
    for (const output of outputs) expect(output).toMatch(/^1 /);
    await until("all directories are gone", async () => (await readdir(worker.directory)).length === 0);
  });

  it.each([
    ["no body", "text/plain", ""],
    ["another type", "application/json", "{}"],
    ["an unreadable type", "nonsense", "x"],
    ["no boundary", "multipart/form-data", "x"],
    ["an empty form", FORM, "--b--\r\n"],
    ["an empty body", FORM, ""],
    ["no form", FORM, "hello"],
    ["a cut form", FORM, `${formPart('name="file"; filename="x.py"', "print(1)")}`],
    ["a form cut in its headers", FORM, '--b\r\ncontent-disposition: form-data; name="fi'],
    ["an empty file", FORM, `${formPart('name="file"; filename="x.py"', "")}--b--\r\n`],
    ["a wrong field", FORM, `${formPart('name="script"; filename="x.py"', "print(1)")}--b--\r\n`],
    ["a field named like an object's own", FORM, `${formPart('name="__proto__"; filename="x"', "print(1)")}--b--\r\n`],
    ["text instead of a file", FORM, `${formPart('name="file"', "print(1)")}--b--\r\n`],
    ["two files", FORM, `${formPart('name="file"; filename="x.py"', "print(1)").repeat(2)}--b--\r\n`],
    ["three files", FORM, `${formPart('name="file"; filename="x.py"', "print(1)").repeat(3)}--b--\r\n`],
  ])("answers 422 to %s", async (_, contentType, body) => {
    const response = await post(worker.url, contentType, body);
    expect(response.status).toBe(422);
    expect(await response.json()).toEqual({ detail: expect.stringMatching(/\w/) });
    await until("its directory is gone", async () => (await readdir(worker.directory)).length === 0);
    expect(await metric(worker.url, "worker_jobs_queued")).toBe(0);
  });

  it("takes a script of exactly the largest size, and answers 413 to one byte more", async () => {
    const small = await another({ maxUploadBytes: 1000 });
    const script = "print(1)\n".padEnd(1000, "#");
    expect((await upload(small.url, script)).status).toBe(200);
    const response = await upload(small.url, `${script}#`);
    expect(response.status).toBe(413);
    expect(await response.json()).toEqual({ detail: "the upload is too large: a script may have 1000 bytes" });
  });

  it("answers 413 to a declared length before the body comes", async () => {
    const sender = request(`${worker.url}/reencrypt`, {
      method: "POST",
      headers: { "content-type": FORM, "content-length": 2 ** 40 },
    });
    sender.on("error", () => {});
    sender.flushHeaders();
    const response = await new Promise<IncomingMessage>((resolve) => sender.once("response", resolve));
    expect(response.statusCode).toBe(413);
    sender.destroy();
  });

  it("answers 413 to a field beside the file that never ends", async () => {
    const small = await another({ maxUploadBytes: 1000 });
    const response = await post(small.url, FORM, `${formPart('name="x"', "y".repeat(2 ** 20))}--b--\r\n`);
    expect(response.status).toBe(413);
  });

  it("ends the script when its client leaves", async () => {
    const mark = randomUUID();
    const client = new AbortController();
    const script = `import subprocess, sys\nsubprocess.run([sys.executable, "-c", "import time; time.sleep(600)", "${mark}"])`;
    const uploading = upload(worker.url, script, { signal: client.signal });
    await until("the script runs", () => processesMarked(mark) > 0);
    client.abort();
    await expect(uploading).rejects.toThrow();
    await until("the script is gone", () => processesMarked(mark) === 0);
    await until("its directory is gone", async () => (await readdir(worker.directory)).length === 0);
    await until("it was counted", async () => (await metric(worker.url, 'worker_jobs_total{outcome="gone"}')) === 1);
    expect(await metric(worker.url, "worker_jobs_running")).toBe(0);
  });

  it("forgets a client that leaves in the middle of its upload", async () => {
    const socket = connect(worker.port, "127.0.0.1");
    socket.write(`POST /reencrypt HTTP/1.1\r\nhost: w\r\ncontent-type: ${FORM}\r\ncontent-length: 9999\r\n\r\n`);
    socket.write('--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\nprint(');
    await until("it has a place", async () => (await metric(worker.url, ARRIVING)) === 1);
    socket.destroy();
    await until("it has none", async () => (await metric(worker.url, ARRIVING)) === 0);
    await until("it was counted", async () => (await metric(worker.url, 'worker_jobs_total{outcome="gone"}')) === 1);
    await until("its directory is gone", async () => (await readdir(worker.directory)).length === 0);
  });

  it("forgets a client that left before its upload was read", async () => {
    const jobs = await openJobDirectories(flags);
    const left = Promise.withResolvers<void>();
    const slow = await another({
      jobs: {
        ...jobs,
        async create() {
          await left.promise;
          return jobs.create();
        },
      },
    });
    slow.worker.app.server.on("connection", (socket) => socket.on("close", () => left.resolve()));
    const socket = connect(slow.port, "127.0.0.1");
    socket.write(`POST /reencrypt HTTP/1.1\r\nhost: w\r\ncontent-type: ${FORM}\r\ncontent-length: 9999\r\n\r\n--b\r\n`);
    await once(slow.worker.app.server, "request");
    socket.destroy();
    await left.promise;
    await until("it has no place", async () => (await metric(slow.url, ARRIVING)) === 0);
    await until("it was counted", async () => (await metric(slow.url, 'worker_jobs_total{outcome="gone"}')) === 1);
    expect(await readdir(jobs.path)).toEqual([]);
  });

  it("gives up on a client that never finishes its upload", async () => {
    const impatient = await another({ uploadTimeoutMs: 1000 });
    const answer = await exchange(
      impatient.port,
      `POST /reencrypt HTTP/1.1\r\nhost: w\r\ncontent-type: ${FORM}\r\ncontent-length: 9999\r\n\r\n--b\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(bodyOf(answer)).toEqual({ detail: "the upload did not arrive within 1 s" });
    expect(await metric(impatient.url, ARRIVING)).toBe(0);
    expect(await metric(impatient.url, 'worker_rejected_total{reason="too-slow"}')).toBe(1);
    await until("its directory is gone", async () => (await readdir(impatient.directory)).length === 0);
  });
});

describe("a full queue", () => {
  it("refuses at once, says that nothing was started, and takes uploads again later", async () => {
    const narrow = await another({ concurrency: 1, queue: 1 });
    const flag = join(flags, "go");
    const running = upload(narrow.url, waitFor(flag));
    await until("the first runs", async () => (await metric(narrow.url, "worker_jobs_running")) === 1);
    const queued = upload(narrow.url, "print('second')");
    await until("the second waits", async () => (await metric(narrow.url, "worker_jobs_queued")) === 1);

    const refused = await upload(narrow.url, "#".repeat(500_000));
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toMatch(/^\d+$/);
    expect(refused.headers.get("x-evenkeel-not-started")).toBe("1");
    expect(await refused.json()).toEqual({ detail: "the worker is busy and its queue is full" });

    await writeFile(flag, "");
    expect(await (await running).json()).toMatchObject({ stdout: "done\n" });
    expect(await (await queued).json()).toMatchObject({ stdout: "second\n" });
    expect((await upload(narrow.url, "print(3)")).status).toBe(200);
    expect(await metric(narrow.url, 'worker_rejected_total{reason="queue-full"}')).toBe(1);
  });

  it("refuses, as one that has not started, an upload that arrived while the queue was filled", async () => {
    const narrow = await another({ concurrency: 1, queue: 0 });
    const flag = join(flags, "go");
    const started = join(flags, "started");
    const slow = await beginUpload(narrow.port, `open(${JSON.stringify(started)}, 'w')`);
    await until("it arrives", async () => (await metric(narrow.url, ARRIVING)) === 1);
    const running = upload(narrow.url, waitFor(flag));
    await until("another runs", async () => (await metric(narrow.url, "worker_jobs_running")) === 1);
    slow.finish();
    const answer = await slow.answer;
    expect(answer).toMatch(/^HTTP\/1\.1 503 .*\r\nretry-after: 1\r\n/s);
    expect(answer).toContain("\r\nx-evenkeel-not-started: 1\r\n");
    await writeFile(flag, "");
    expect((await running).status).toBe(200);
    expect(existsSync(started)).toBe(false);
  });

  it("forgets a client that leaves while it waits", async () => {
    const narrow = await another({ concurrency: 1, queue: 1 });
    const flag = join(flags, "go");
    const running = upload(narrow.url, waitFor(flag));
    await until("the first runs", async () => (await metric(narrow.url, "worker_jobs_running")) === 1);
    const client = new AbortController();
    const started = join(flags, "started");
    const waiting = upload(narrow.url, `open(${JSON.stringify(started)}, 'w')`, { signal: client.signal });
    await until("the second waits", async () => (await metric(narrow.url, "worker_jobs_queued")) === 1);
    client.abort();
    await expect(waiting).rejects.toThrow();
    await until("nobody waits", async () => (await metric(narrow.url, "worker_jobs_queued")) === 0);
    await writeFile(flag, "");
    expect((await running).status).toBe(200);
    expect(existsSync(started)).toBe(false);
  });
});

describe("slow clients", () => {
  const slowClients = (port: number, count: number): Promise<SlowClient[]> =>
    Promise.all(Array.from({ length: count }, () => beginUpload(port, "print('slow')")));

  afterEach(() => {
    for (const { socket } of clients.splice(0)) socket.destroy();
  });
  const clients: SlowClient[] = [];

  it("hold no place of the queue, and their uploads run when they have arrived", async () => {
    const narrow = await another({ concurrency: 1, queue: 1 });
    clients.push(...(await slowClients(narrow.port, 40)));
    await until("they all arrive", async () => (await metric(narrow.url, ARRIVING)) === 40);
    for (let n = 0; n < 3; n++) expect((await upload(narrow.url, "print(1)")).status).toBe(200);
    expect(await metric(narrow.url, "worker_jobs_queued")).toBe(0);
    clients[0]?.finish();
    expect(bodyOf((await clients[0]?.answer) ?? "")).toMatchObject({ returncode: 0, stdout: "slow\n" });
  });

  it("yield their places when all are taken, and are told why", async () => {
    const few = await another({ arriving: 4 });
    // Each of the later ones takes the place of an earlier one, as soon as that is slow.
    for (let n = 0; n < 3; n++) {
      const wave = await slowClients(few.port, 4);
      clients.push(...wave);
      await until("the wave has its places", async () => (await metric(few.url, ARRIVING)) === 4);
      await sleep(1100);
    }
    const begin = performance.now();
    const answers = await Promise.all(Array.from({ length: 4 }, () => upload(few.url, "print(1)")));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    // Not after a wait: the slow ones have a minute.
    expect(performance.now() - begin).toBeLessThan(20_000);
    const answer = (await clients[0]?.answer) ?? "";
    expect(answer).toMatch(/^HTTP\/1\.1 408 /);
    expect(bodyOf(answer)).toEqual({ detail: "the upload came too slowly while others waited for its place" });
  });

  it("are told from fast ones, which yield to nobody: a newcomer is refused, and nothing was started", async () => {
    const few = await another({ arriving: 2, maxUploadBytes: 2 ** 25 });
    for (let n = 0; n < 2; n++) {
      const client = await beginUpload(few.port, "print('long')", 2 ** 24);
      clients.push(client);
      // So much that for minutes the average is not slow.
      client.send(2 ** 24 - 1000);
    }
    await until("that has arrived", async () => {
      const names = await readdir(few.directory);
      const sizes = names.map(
        (name) => statSync(join(few.directory, name, "script.py"), { throwIfNoEntry: false })?.size,
      );
      return sizes.filter((size = 0) => size > 2 ** 23).length === 2;
    });
    const refused = await upload(few.url, "print(1)");
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(refused.headers.get("x-evenkeel-not-started")).toBe("1");
    expect(await refused.json()).toEqual({ detail: "too many uploads arrive at the worker at once" });
    for (const client of clients) client.finish();
    for (const client of clients) expect(bodyOf(await client.answer)).toMatchObject({ stdout: "long\n" });
    expect((await upload(few.url, "print(1)")).status).toBe(200);
  });

  it("are ended when they only trickle", async () => {
    const strict = await another({ slowestUploadBytesPerS: 1000 });
    const client = await beginUpload(strict.port, "print('slow')");
    clients.push(client);
    const answer = await client.answer;
    expect(answer).toMatch(/^HTTP\/1\.1 408 .*\r\nconnection: close\r\n/s);
    expect(bodyOf(answer)).toEqual({
      detail: "the upload came too slowly: at least 1000 bytes a second are expected",
    });
    await until("its directory is gone", async () => (await readdir(strict.directory)).length === 0);
  });
});

describe("the space for uploads", () => {
  it("bounds what all of them take on the disk: one more is refused, and runs later", async () => {
    const small = await another({ uploadSpaceBytes: 150_000 });
    const flag = join(flags, "go");
    const running = upload(small.url, `${waitFor(flag)}\n${"#".repeat(100_000)}`);
    await until("the first runs", async () => (await metric(small.url, "worker_jobs_running")) === 1);
    const second = "#".repeat(100_000);
    const refused = await upload(small.url, second);
    expect(refused.status).toBe(503);
    expect(refused.headers.get("retry-after")).toBe("1");
    expect(refused.headers.get("x-evenkeel-not-started")).toBe("1");
    expect(await refused.json()).toEqual({ detail: "the worker has no room for more uploads just now" });
    expect((await upload(small.url, "print(1)")).status).toBe(200);
    await writeFile(flag, "");
    expect((await running).status).toBe(200);
    await until("there is room again", async () => (await upload(small.url, second)).status === 200);
    expect(await metric(small.url, 'worker_rejected_total{reason="space-full"}')).toBeGreaterThanOrEqual(1);
  });

  it("for one of the largest has room for it, with the form around it", async () => {
    const tight = await another({ maxUploadBytes: 10_000, uploadSpaceBytes: 10_000 });
    for (let n = 0; n < 2; n++)
      await until("it has run", async () => (await upload(tight.url, "#".repeat(10_000))).status === 200);
  });
});

describe("a drain", () => {
  it("runs what was arriving, though the queue is full", async () => {
    const draining = await another({ concurrency: 1, queue: 0 });
    const flag = join(flags, "go");
    const slow = await beginUpload(draining.port, "print('slow')");
    await until("it arrives", async () => (await metric(draining.url, ARRIVING)) === 1);
    const running = upload(draining.url, waitFor(flag));
    await until("one runs", async () => (await metric(draining.url, "worker_jobs_running")) === 1);
    const drained = draining.worker.drain(60_000);
    expect((await upload(draining.url, "print(3)")).status).toBe(503);
    slow.finish();
    await until("it waits", async () => (await metric(draining.url, "worker_jobs_queued")) === 1);
    await writeFile(flag, "");
    expect((await running).status).toBe(200);
    expect(bodyOf(await slow.answer)).toMatchObject({ returncode: 0, stdout: "slow\n" });
    await drained;
  });

  it("tells those that still arrive at its end that nothing was started", async () => {
    const draining = await another({});
    const slow = await beginUpload(draining.port, "print('slow')");
    await until("it arrives", async () => (await metric(draining.url, ARRIVING)) === 1);
    await draining.worker.drain(100);
    expect(await slow.answer).toMatch(/^HTTP\/1\.1 503 .*\r\nx-evenkeel-not-started: 1\r\n/s);
  });

  it("loses nothing that was accepted and takes nothing new", async () => {
    const draining = await another({ concurrency: 1, queue: 4 });
    const flag = join(flags, "go");
    const uploads = [upload(draining.url, waitFor(flag)), upload(draining.url, "print(2)")];
    await until("one runs", async () => (await metric(draining.url, "worker_jobs_running")) === 1);
    await until("one waits", async () => (await metric(draining.url, "worker_jobs_queued")) === 1);
    expect((await fetch(`${draining.url}/readyz`)).status).toBe(200);
    const drained = draining.worker.drain(60_000);

    expect((await fetch(`${draining.url}/readyz`)).status).toBe(503);
    expect((await fetch(`${draining.url}/healthz`)).headers.get("x-envoy-immediate-health-check-fail")).toBe("true");
    const refused = await upload(draining.url, "print(3)");
    expect(refused.status).toBe(503);
    expect(refused.headers.get("x-evenkeel-not-started")).toBe("1");
    expect(refused.headers.get("connection")).toBe("close");

    await writeFile(flag, "");
    const outputs = await Promise.all(
      uploads.map(async (each) => ((await (await each).json()) as { stdout: string }).stdout),
    );
    expect(outputs.sort()).toEqual(["2\n", "done\n"]);
    await drained;
    await expect(fetch(`${draining.url}/healthz`)).rejects.toThrow();
  });

  it("ends what is left when its time is over, and says which scripts never started", async () => {
    const draining = await another({ concurrency: 1, queue: 4 });
    const running = upload(draining.url, "import time; time.sleep(600)");
    await until("one runs", async () => (await metric(draining.url, "worker_jobs_running")) === 1);
    const waiting = upload(draining.url, "print(2)");
    await until("one waits", async () => (await metric(draining.url, "worker_jobs_queued")) === 1);
    await draining.worker.drain(100);
    expect((await running).status).toBe(503);
    expect((await running).headers.get("x-evenkeel-not-started")).toBeNull();
    expect((await waiting).status).toBe(503);
    expect((await waiting).headers.get("x-evenkeel-not-started")).toBe("1");
  });
});

describe("everything else", () => {
  it("says what it is", async () => {
    const response = await fetch(worker.url);
    expect(await response.json()).toMatchObject({ service: "evenkeel worker", status: "running" });
  });

  it.each(["/nowhere", "/reencrypt", "/%zz"])("answers GET %s in the form of all errors", async (path) => {
    const response = await fetch(`${worker.url}${path}`);
    expect([400, 404]).toContain(response.status);
    expect(await response.json()).toEqual({ detail: expect.stringMatching(/\w/) });
  });

  it.each([
    ["what is this\r\n\r\n", "400 Bad Request"],
    ["GET / HTTP/1.1\r\nhost: w\r\nexpect: miracles\r\n\r\n", "417 Expectation Failed"],
    ["GET /nowhere HTTP/1.1\r\nconnection: close\r\n\r\n", "404 Not Found"],
  ])("answers what is no proper HTTP in the same form: %j", async (request, status) => {
    const answer = await exchange(worker.port, request);
    expect(answer.split("\r\n")[0]).toBe(`HTTP/1.1 ${status}`);
    expect(bodyOf(answer)).toEqual({ detail: expect.stringMatching(/\w/) });
  });

  it("tells Prometheus about its jobs", async () => {
    await upload(worker.url, "pass");
    await upload(worker.url, "1 / 0");
    await upload(worker.url, "");
    expect(await metric(worker.url, 'worker_jobs_total{outcome="ok"}')).toBe(1);
    expect(await metric(worker.url, 'worker_jobs_total{outcome="failed"}')).toBe(1);
    expect(await metric(worker.url, 'worker_rejected_total{reason="unusable"}')).toBe(1);
    expect(await metric(worker.url, "worker_job_seconds_count")).toBe(2);
    expect(await metric(worker.url, `worker_isolation_info{isolation="${isolation.name}"}`)).toBe(1);
  });
});
