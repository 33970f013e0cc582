import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Child, startChild } from "../../../common/child.ts";
import { findNodeExporter } from "../../../common/program/pins/node-exporter.ts";
import { findPrometheus } from "../../../common/program/pins/prometheus.ts";
import { type PrometheusSeries, queryPrometheus } from "../../../xds/signals/prometheus.ts";
import { manifest, processService } from "../../rig/extras/process-service.ts";
import { NODE_ADDRESS } from "../../rig/place.ts";
import { waitUntil } from "../../rig/ready.ts";
import type { Rig } from "../../rig/rig.ts";
import { followMachine } from "./machine-stat.ts";
import { NAMESPACE } from "./names.ts";

/** Between two looks at each exporter, in s. */
export const SCRAPE_S = 5;
const PORT = 9090;
/** The first exporter's port; the others follow. */
const EXPORTER_PORT = 9100;
const ADDRESS = `prometheus.${NAMESPACE}.svc.cluster.local:${PORT}`;
/** Where pods find it. */
export const PROMETHEUS_URL = `http://${ADDRESS}`;
const KUBELET_PORT = 10_250;
/** Its account in the cluster, which may read the kubelet's figures. */
const ACCOUNT = "prometheus";
const TOKEN_LASTS = "2h";

/** A real Prometheus, and a real node exporter for each node, as processes on the rig's network. It scrapes the kubelet as well. */
export interface Prometheus {
  /** The instant vector of a query, asked for as our programs do. */
  ask(query: string): Promise<readonly PrometheusSeries[]>;
  /** Ends Prometheus at once, as a crash would; what it has kept stays. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** A node and the path of its control group below each hierarchy. */
export interface Machine {
  readonly node: string;
  readonly cgroup: string;
}

/** @param folder for what it keeps */
export async function startPrometheus(
  rig: Rig,
  machines: readonly Machine[],
  folder: string,
  ends: AsyncDisposableStack,
): Promise<Prometheus> {
  const program = await findPrometheus();
  mkdirSync(folder, { recursive: true });
  const targets = [];
  for (const [index, machine] of machines.entries()) {
    const port = EXPORTER_PORT + index;
    await startExporter(rig, machine, join(folder, machine.node), port, ends);
    // All three have the one machine's address; the name is what tells them apart.
    targets.push({ targets: [`${NODE_ADDRESS}:${port}`], labels: { instance: machine.node } });
  }
  const config = join(folder, "prometheus.yaml");
  const jobs = [{ job_name: "node", static_configs: targets }, await kubeletJob(rig, folder)];
  writeFileSync(config, JSON.stringify({ global: { scrape_interval: `${SCRAPE_S}s` }, scrape_configs: jobs }));
  const ports = [{ name: "http", port: PORT, targetPort: PORT }];
  const service = processService({ namespace: NAMESPACE, name: "prometheus", ports });
  await rig.kubectl(["apply", "--server-side", "-f", "-"], manifest(service));
  const flags = [`--config.file=${config}`, `--storage.tsdb.path=${join(folder, "data")}`, "--log.level=warn"];
  let child: Child | undefined;
  ends.defer(() => child?.stop());
  const prometheus: Prometheus = {
    async ask(query) {
      const { host, port, close } = await rig.forward(ADDRESS);
      try {
        return await queryPrometheus({ url: `http://${host}:${port}`, query }, new AbortController().signal);
      } finally {
        await close();
      }
    },
    async start() {
      const words = [program, ...flags, `--web.listen-address=0.0.0.0:${PORT}`];
      const [command, ...args] = rig.inside(words) as [string, ...string[]];
      child = await startChild(command, args, { name: "prometheus" });
      const isReady = async () =>
        (await rig.exec(["curl", "-sS", "--max-time", "3", `${PROMETHEUS_URL}/-/ready`])).includes("Ready");
      await waitUntil("Prometheus", isReady, { timeoutMs: 60_000, everyMs: 500 }).catch((error: Error) => {
        throw new Error(`${error.message}; ${child?.lastLines().join("\n")}`);
      });
    },
    async kill() {
      child?.signal("SIGKILL");
      await child?.exited;
    },
  };
  await prometheus.start();
  return prometheus;
}

async function startExporter(
  rig: Rig,
  { cgroup }: Machine,
  folder: string,
  port: number,
  ends: AsyncDisposableStack,
): Promise<void> {
  const proc = followMachine(cgroup, join(folder, "proc"), ends);
  const words = [await findNodeExporter(), `--web.listen-address=0.0.0.0:${port}`, `--path.procfs=${proc}`];
  const [command, ...args] = rig.inside([...words, "--collector.disable-defaults", "--collector.cpu"]) as [
    string,
    ...string[],
  ];
  const child = await startChild(command, args, { name: "node_exporter" });
  ends.defer(() => child.stop());
}

/** The kubelet's figures of pods, with the right that such an account needs. */
async function kubeletJob(rig: Rig, folder: string): Promise<object> {
  await rig.kubectl(["create", "serviceaccount", ACCOUNT, "-n", "default"]);
  await rig.kubectl(["create", "clusterrole", ACCOUNT, "--verb=get", "--resource=nodes/metrics"]);
  const subject = `--serviceaccount=default:${ACCOUNT}`;
  await rig.kubectl(["create", "clusterrolebinding", ACCOUNT, `--clusterrole=${ACCOUNT}`, subject]);
  const token = await rig.kubectl(["create", "token", ACCOUNT, "-n", "default", `--duration=${TOKEN_LASTS}`]);
  const file = join(folder, "token");
  writeFileSync(file, token.trim(), { mode: 0o600 });
  return {
    job_name: "kubelet",
    scheme: "https",
    metrics_path: "/metrics/resource",
    authorization: { credentials_file: file },
    // Its certificate is its own.
    tls_config: { insecure_skip_verify: true },
    static_configs: [{ targets: [`${NODE_ADDRESS}:${KUBELET_PORT}`] }],
  };
}
