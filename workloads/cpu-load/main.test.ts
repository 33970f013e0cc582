import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, expect, it, vi } from "vitest";
import { type Child, startChild } from "../../common/child.ts";
import { freePorts } from "../../common/ports.ts";
import { main } from "./main.ts";

vi.setConfig({ testTimeout: 60_000 });

const PATIENCE = { timeout: 40_000, interval: 50 };

let child: Child | undefined;
afterEach(async () => {
  await child?.stop(0);
  child = undefined;
});

it("finishes what it has accepted on SIGTERM, and ends with 0", async () => {
  const [port = 0] = await freePorts(1);
  const flags = ["--host", "127.0.0.1", "--port", String(port), "--duration", "2s"];
  const started = await startChild(process.execPath, [join(import.meta.dirname, "main.ts"), ...flags], {
    name: "cpu-load",
    // A variable that a shell of the developer may hold must not change the test.
    env: { PATH: process.env.PATH, POD_NAME: "the-pod" },
  });
  child = started;
  const url = `http://127.0.0.1:${port}`;
  await vi.waitFor(async () => expect((await fetch(`${url}/health`)).status).toBe(200), PATIENCE);
  expect(await (await fetch(`${url}/info`)).json()).toMatchObject({ pod_name: "the-pod" });
  const load = fetch(`${url}/load`);
  await vi.waitFor(
    async () => expect(await (await fetch(`${url}/metrics`)).text()).toMatch(/^cpu_load_burns_running 1$/m),
    PATIENCE,
  );
  started.signal("SIGTERM");
  const answer = await load;
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({ duration_seconds: expect.any(Number) });
  expect(await started.exited).toEqual({ code: 0, signal: null });
});

it("names a port that is taken, and settings that are nonsense", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as { port: number };
  await expect(main(["--host", "127.0.0.1", "--port", String(port)])).rejects.toMatchObject({ code: "EK_PORT_IN_USE" });
  other.close();
  await expect(main(["--port", "65536", "--duration", "5"])).rejects.toThrow(/--port.*--duration/);
  await expect(main(["--nonsense"])).rejects.toMatchObject({ code: "EK_USAGE" });
});
