import { createServer } from "node:net";
import { credentials } from "@grpc/grpc-js";
import { afterEach, expect, it } from "vitest";
import { type Child, startChild } from "../../common/child.ts";
import { EvenkeelError } from "../../common/errors.ts";
import type { OrcaLoadReport } from "../../proto/generated/xds/data/orca/v3/orca_load_report.ts";
import { OpenRcaServiceClient } from "../../proto/generated/xds/service/orca/v3/orca.ts";
import { main } from "./main.ts";

const DEADLINE_MS = 60_000;
const children: Child[] = [];
const closers: (() => void)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await Promise.all(children.splice(0).map((child) => child.stop(1000)));
});

async function program(command: string, args: string[], onLine?: (line: string) => void): Promise<Child> {
  const child = await startChild(command, args, { name: command, ...(onLine === undefined ? {} : { onLine }) });
  children.push(child);
  return child;
}

/** Ends by itself, should the test be killed. The first CPU is pinned where two must fight for it. */
const spinner = () => program("taskset", ["-c", "0", "timeout", "120", "sh", "-c", "while :; do :; done"]);
const sleeper = () => program("sleep", ["120"]);

/** The real agent, beside a process; the last report that it gave. */
async function watch(pid: number, ...more: string[]) {
  const port = Promise.withResolvers<number>();
  const agent = await program(
    process.execPath,
    [
      `${import.meta.dirname}/main.ts`,
      "--pid",
      String(pid),
      "--cpus",
      "1",
      "--host",
      "127.0.0.1",
      "--orca-port",
      "0",
      ...more,
    ],
    (line) => {
      const found = /"orcaPort":(\d+)/.exec(line)?.[1];
      if (found !== undefined) port.resolve(Number(found));
    },
  );
  const client = new OpenRcaServiceClient(`127.0.0.1:${await port.promise}`, credentials.createInsecure());
  const stream = client.streamCoreMetrics({ reportInterval: { seconds: 0n, nanos: 100e6 }, requestCostNames: [] });
  const state: { last: OrcaLoadReport | undefined; error: Error | undefined } = { last: undefined, error: undefined };
  stream.on("data", (report: OrcaLoadReport) => {
    state.last = report;
  });
  stream.on("error", (error) => {
    state.error = error;
  });
  closers.push(() => {
    stream.cancel();
    client.close();
  });
  return { agent, state, utilisation: () => state.last?.cpuUtilization ?? Number.NaN };
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

it("tells a busy process from an idle one, and ends when told to", { timeout: 3 * DEADLINE_MS }, async () => {
  const busy = await watch((await spinner()).pid);
  const idle = await watch((await sleeper()).pid);
  await until("a busy and an idle report", () => busy.utilisation() > 0.5 && idle.utilisation() < 0.2);
  busy.agent.signal("SIGTERM");
  expect(await busy.agent.exited).toMatchObject({ code: 0 });
});

it("two that share one CPU both read busy", { timeout: 3 * DEADLINE_MS }, async () => {
  const one = await watch((await spinner()).pid);
  const two = await watch((await spinner()).pid);
  await until("both above 0.7 at once", () => one.utilisation() > 0.7 && two.utilisation() > 0.7);
});

it("ends with its target", { timeout: 3 * DEADLINE_MS }, async () => {
  const target = await sleeper();
  const { agent, state } = await watch(target.pid);
  await until("a report", () => state.last !== undefined);
  await target.stop();
  expect(await agent.exited).toMatchObject({ code: 1 });
  expect(agent.lastLines().join("\n")).toContain("EK_AGENT_TARGET_GONE");
});

it("stays without its target when told so, and says that it has none", { timeout: 3 * DEADLINE_MS }, async () => {
  const target = await sleeper();
  const { agent, state } = await watch(target.pid, "--when-gone", "stay");
  await until("a report", () => state.last !== undefined);
  await target.stop();
  await until("the end of the stream", () => state.error !== undefined);
  expect(state.error?.message).toContain("UNAVAILABLE");
  agent.signal("SIGTERM");
  expect(await agent.exited).toMatchObject({ code: 0 });
});

it("says which port is taken", async () => {
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
  closers.push(() => holder.close());
  const { port } = holder.address() as { port: number };
  const call = main(["--pid", String(process.pid), "--host", "127.0.0.1", "--orca-port", String(port)]);
  await expect(call).rejects.toMatchObject({ code: "EK_PORT_IN_USE", where: "--orca-port" });
});

it("refuses settings that name no target, or two, or half of TLS", async () => {
  for (const args of [
    ["--scope", "tree"],
    ["--pid", "1", "--cgroup", "/"],
    ["--tls-cert", "x"],
    ["--cpus", "0"],
  ])
    await expect(main(args)).rejects.toMatchObject({ code: "EK_SETTING_INVALID" });
  await expect(main(["--pid", "2147483647"])).rejects.toBeInstanceOf(EvenkeelError);
});
