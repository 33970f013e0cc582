import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { type Child, startChild } from "../../common/child.ts";
import { freePorts } from "../../common/ports.ts";
import { main } from "./main.ts";
import { metric, until, upload } from "./worker-under-test.ts";

// Real processes on a machine that may be very busy.
vi.setConfig({ testTimeout: 60_000 });

let workDir: string;
let child: Child | undefined;
beforeEach(async () => {
  workDir = await mkdtemp(join(tmpdir(), "worker-main-"));
});
afterEach(async () => {
  await child?.stop(0);
  child = undefined;
  await rm(workDir, { recursive: true, force: true });
});

async function startProcess(...flags: string[]): Promise<{ readonly url: string; readonly process: Child }> {
  const [port = 0] = await freePorts(1);
  const args = ["--host", "127.0.0.1", "--port", String(port), "--work-dir", join(workDir, "jobs"), ...flags];
  const started = await startChild(process.execPath, [join(import.meta.dirname, "main.ts"), ...args], {
    name: "worker",
    // A variable that a shell of the developer may hold must not change the test.
    env: { PATH: process.env.PATH },
  });
  child = started;
  const url = `http://127.0.0.1:${port}`;
  await until("the worker is ready", async () => {
    const response = await fetch(`${url}/readyz`).catch(() => undefined);
    return response?.status === 200;
  });
  return { url, process: started };
}

it("finishes what it has accepted on SIGTERM, and ends with 0", async () => {
  const { url, process: started } = await startProcess("--concurrency", "1");
  const flag = join(workDir, "go");
  const running = upload(
    url,
    `import os, time\nwhile not os.path.exists(${JSON.stringify(flag)}): time.sleep(0.02)\nprint('done')`,
  );
  await until("it runs", async () => (await metric(url, "worker_jobs_running")) === 1);
  const queued = upload(url, "print('second')");
  await until("one waits", async () => (await metric(url, "worker_jobs_queued")) === 1);
  started.signal("SIGTERM");
  await until("it is not ready", async () => (await fetch(`${url}/readyz`)).status === 503);
  expect((await upload(url, "print(3)")).status).toBe(503);
  await writeFile(flag, "");
  expect(await (await running).json()).toMatchObject({ stdout: "done\n" });
  expect(await (await queued).json()).toMatchObject({ stdout: "second\n" });
  expect(await started.exited).toEqual({ code: 0, signal: null });
  expect(await readdir(join(workDir, "jobs"))).toEqual([]);
});

it("leaves no script behind when it is killed", async () => {
  const { url, process: started } = await startProcess();
  const pidFile = join(workDir, "alive");
  // The script renews the file as long as it lives.
  const running = upload(
    url,
    `import time\nwhile True:\n  open(${JSON.stringify(pidFile)}, 'w').close()\n  time.sleep(0.02)`,
  ).catch(() => undefined);
  await until("the script runs", () => existsSync(pidFile));
  started.signal("SIGKILL");
  await started.exited;
  await running;
  await until("the script is gone", async () => {
    await rm(pidFile, { force: true });
    await new Promise((resolve) => setTimeout(resolve, 300));
    return !existsSync(pidFile);
  });
});

/** Settles when there is room for another chunk, or when there never will be. */
function roomIn(sender: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      sender.off("drain", done).off("close", done);
      resolve();
    };
    sender.on("drain", done).on("close", done);
  });
}

it("cuts a body of 1 GiB early and does not keep it in memory", async () => {
  const { url, process: started } = await startProcess("--max-upload", "16MiB");
  const sender = request(`${url}/reencrypt`, {
    method: "POST",
    headers: { "content-type": "multipart/form-data; boundary=b" },
  });
  // The worker closes the connection of who goes on sending.
  sender.on("error", () => {});
  const answered = new Promise<IncomingMessage>((resolve) => sender.once("response", resolve));
  let sent = 0;
  const chunk = Buffer.alloc(2 ** 20, 35);
  const sending = (async () => {
    sender.write('--b\r\ncontent-disposition: form-data; name="file"; filename="x.py"\r\n\r\n');
    while (sent < 2 ** 30 && !sender.destroyed) {
      sent += chunk.length;
      if (!sender.write(chunk)) await roomIn(sender);
    }
    sender.end();
  })();
  const response = await answered;
  expect(response.statusCode).toBe(413);
  let body = "";
  for await (const text of response.setEncoding("utf8")) body += text;
  expect(JSON.parse(body)).toEqual({ detail: "the upload is too large: a script may have 16777216 bytes" });
  await sending;
  expect(sent).toBeLessThan(2 ** 28);
  const peak = Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${started.pid}/status`, "utf8"))?.[1]) / 1024;
  // A bare worker takes about 110 MiB; the body would be 1024 more.
  expect(peak).toBeLessThan(400);
  expect((await upload(url, "print(1)")).status).toBe(200);
});

it("says that its port is taken", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const running = main(["--host", "127.0.0.1", "--port", String(port), "--work-dir", join(workDir, "jobs")]);
  await expect(running).rejects.toMatchObject({ code: "EK_PORT_IN_USE", where: `--port ${port}` });
  expect(await readdir(join(workDir, "jobs"))).toEqual([]);
  server.close();
});

it("says that Python is missing", async () => {
  const running = main(["--python", "no-such-python", "--port", "0", "--work-dir", join(workDir, "jobs")]);
  await expect(running).rejects.toMatchObject({ code: "EK_PROGRAM_MISSING" });
});

it("refuses settings that it does not know", async () => {
  await expect(main(["--time-limit", "soon"])).rejects.toMatchObject({ code: "EK_SETTING_INVALID" });
});
