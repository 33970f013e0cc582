import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { credentials } from "@grpc/grpc-js";
import { type Child, startChild } from "../../common/child.ts";
import { EvenkeelError } from "../../common/errors.ts";
import { OpenRcaServiceClient } from "../../proto/generated/xds/service/orca/v3/orca.ts";
import { parseProcessStat, parseSchedStat } from "../../sidecar/agent/parse.ts";
import { percentile, printTable, round } from "./figures.ts";

const WARM_MS = 4000;
const MEASURED_MS = 20_000;
const START_MS = 30_000;

/** Five processes that work 2 ms in 20, as a worker under light load does, and five that sleep, below one shell. */
const WORKER =
  "import time\nwhile True:\n t = time.perf_counter() + .002\n while time.perf_counter() < t: pass\n time.sleep(.018)";
const TREE = `for i in 1 2 3 4 5; do python3 -I -c "$0" & sleep 300 & done; wait`;

/** What one would write first: ten times a second, the times of all processes and who is whose child. In the agent's own language. */
const SCAN = `
const fs = require("node:fs");
setInterval(() => {
  const all = new Map();
  for (const name of fs.readdirSync("/proc")) {
    if (!/^\\d+$/.test(name)) continue;
    try {
      const stat = fs.readFileSync("/proc/" + name + "/stat", "utf8");
      const rest = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      all.set(Number(name), { parent: Number(rest[1]), ticks: Number(rest[11]) + Number(rest[12]) });
    } catch {}
  }
  const tree = [Number(process.argv[1])];
  let ticks = 0;
  for (const pid of tree) {
    ticks += all.get(pid)?.ticks ?? 0;
    for (const [child, { parent }] of all) if (parent === pid) tree.push(child);
  }
}, 100);`;

/** The same by the usual tool. */
const PS = "while :; do ps -A -o pid=,ppid=,time= >/dev/null; sleep 0.1; done";

interface Cost {
  readonly cpuPercent: number;
  readonly rssMib: number;
  /** Of it, what no other process can share: the rest is the program's own file, there once for all Nodes of a machine. */
  readonly privateMib: number;
}

/** What the agent costs: CPU and memory of the real one beside ten processes, with a client that listens ten times a second; and what two plain ways cost. */
export async function run(json: boolean): Promise<void> {
  const cache = mkdtempSync(join(tmpdir(), "evenkeel-bench-"));
  const children: Child[] = [];
  const start = async (name: string, command: string, args: string[], env = process.env) => {
    const child = await startChild(command, args, { name, env });
    children.push(child);
    return child;
  };
  try {
    const tree = await start("tree", "sh", ["-c", TREE, WORKER]);
    const { agent, port } = await startAgent(tree.pid, cache, start);
    const scan = await start("scan", process.execPath, ["-e", SCAN, String(tree.pid)]);
    const ps = await start("ps", "sh", ["-c", PS]);
    const client = new OpenRcaServiceClient(`127.0.0.1:${port}`, credentials.createInsecure());
    const arrivals: number[] = [];
    const stream = client.streamCoreMetrics({ reportInterval: { seconds: 0n, nanos: 100e6 }, requestCostNames: [] });
    stream.on("data", () => arrivals.push(performance.now()));
    stream.on("error", () => undefined);
    await pause(WARM_MS);
    arrivals.length = 0;
    const costs = await measure([agent.pid, scan.pid, ps.pid]);
    stream.cancel();
    client.close();
    report(json, costs, arrivals);
  } finally {
    await Promise.all(children.map((child) => child.stop(1000)));
    rmSync(cache, { recursive: true, force: true });
  }
}

/** Starts it twice: as in an image, where the first start has left its compiled code. */
async function startAgent(
  pid: number,
  cache: string,
  start: (name: string, command: string, args: string[], env: NodeJS.ProcessEnv) => Promise<Child>,
): Promise<{ agent: Child; port: number }> {
  const main = join(import.meta.dirname, "../../sidecar/agent/main.ts");
  const env = { ...process.env, NODE_COMPILE_CACHE: cache, EVENKEEL_LOG_LEVEL: "info" };
  await (await start("agent", process.execPath, [main, "--help"], env)).exited;
  const args = [main, "--pid", String(pid), "--cpus", "1", "--host", "127.0.0.1", "--orca-port", "0"];
  const agent = await start("agent", process.execPath, args, env);
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline) {
    const port = /"orcaPort":(\d+)/.exec(agent.lastLines().join("\n"))?.[1];
    if (port !== undefined) return { agent, port: Number(port) };
    await pause(50);
  }
  throw new EvenkeelError("EK_TIMEOUT", `the agent does not listen: ${agent.lastLines().at(-1) ?? "it says nothing"}`);
}

async function measure(pids: readonly number[]): Promise<Cost[]> {
  const before = pids.map(usedNs);
  const began = performance.now();
  await pause(MEASURED_MS);
  const elapsedNs = (performance.now() - began) * 1e6;
  return pids.map((pid, index) => ({
    cpuPercent: (100 * (usedNs(pid) - (before[index] ?? 0))) / elapsedNs,
    rssMib: memoryMib(pid, "VmRSS"),
    privateMib: memoryMib(pid, "RssAnon"),
  }));
}

/** All that a process's threads and its ended children used. */
function usedNs(pid: number): number {
  let used = parseProcessStat(readFileSync(`/proc/${pid}/stat`, "utf8"))?.childrenNs ?? 0;
  for (const tid of readdirSync(`/proc/${pid}/task`))
    used += parseSchedStat(readFileSync(`/proc/${pid}/task/${tid}/schedstat`, "utf8"))?.ranNs ?? 0;
  return used;
}

function memoryMib(pid: number, field: string): number {
  return (
    Number(new RegExp(`^${field}:\\s*(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024
  );
}

function report(json: boolean, costs: readonly Cost[], arrivals: readonly number[]): void {
  const [agent, scan, ps] = costs as [Cost, Cost, Cost];
  const gaps = arrivals.slice(1).map((at, index) => at - (arrivals[index] as number));
  const row = (name: string, cost: Cost) => [
    name,
    round(cost.cpuPercent, 2),
    round(cost.rssMib),
    round(cost.privateMib),
    round(cost.cpuPercent / agent.cpuPercent, 1),
  ];
  printTable(
    ["10 times a second, 11 processes", "CPU, % of a core", "RSS, MiB", "private, MiB", "CPU, times the agent's"],
    [
      row("the agent, one client (gRPC, waiting counted)", agent),
      row("scan of /proc in Node (no waiting, no client)", scan),
      row("ps in a shell loop (no waiting, no client)", ps),
    ],
  );
  console.log(
    `reports: ${arrivals.length} in ${MEASURED_MS / 1000} s, median gap ${round(percentile(gaps, 0.5))} ms, p99 ${round(percentile(gaps, 0.99))} ms`,
  );
  if (json)
    console.log(
      JSON.stringify({
        cpu_percent_of_core: round(agent.cpuPercent, 3),
        rss_mib: round(agent.rssMib),
        private_mib: round(agent.privateMib),
        report_gap_p50_ms: round(percentile(gaps, 0.5)),
        report_gap_p99_ms: round(percentile(gaps, 0.99)),
        proc_scan_cpu_percent_of_core: round(scan.cpuPercent, 3),
        proc_scan_rss_mib: round(scan.rssMib),
        ps_loop_cpu_percent_of_core: round(ps.cpuPercent, 3),
        cpu_ratio_to_proc_scan: round(agent.cpuPercent / scan.cpuPercent, 3),
        cpu_ratio_to_ps_loop: round(agent.cpuPercent / ps.cpuPercent, 3),
      }),
    );
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
