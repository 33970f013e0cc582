import { readFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { type ChannelCredentials, credentials } from "@grpc/grpc-js";
import { UPLOAD_SCRIPT } from "../../cli/demo/scenario.ts";
import { type Stack, startStack } from "../../cli/demo/stack.ts";
import { upload } from "../../cli/demo/uploads.ts";
import { multipart } from "../../cli/load/multipart.ts";
import { EvenkeelError } from "../../common/errors.ts";
import { AggregatedDiscoveryServiceClient } from "../../proto/generated/envoy/service/discovery/v3/ads.ts";
import { DeltaDiscoveryRequest } from "../../proto/generated/envoy/service/discovery/v3/discovery.ts";
import { TYPE_URLS } from "../../xds/resources/resource.ts";
import { percentile, printTable, round } from "./figures.ts";

const GETS = 1000;
const UPLOADS = 60;
const CLIENTS = 500;

/** What Envoy adds to a direct call of the same worker, side by side; and the control plane's memory by clients. */
export async function run(json: boolean): Promise<void> {
  const stack = await startStack({ workers: 1, onProgress: (line) => console.error(`· ${line}`) });
  try {
    const worker = stack.workers[0] as Stack["workers"][number];
    const direct = `http://${worker.key}`;
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const gets = await sideBySide(GETS, direct, stack.url, (url) => timedGet(`${url}/healthz`, agent));
    const script = await multipart(UPLOAD_SCRIPT, "reencrypt.py");
    const uploads = await sideBySide(UPLOADS, direct, stack.url, async (url) => {
      const result = await upload(url, script, agent);
      if (!result.ok) throw new EvenkeelError("EK_CHILD_FAILED", `an upload failed: ${result.status} ${result.body}`);
      return result.latencyMs;
    });
    agent.destroy();
    const oneClient = residentMib(stack.controlPlane.pid);
    const manyClients = await withClients(stack.xdsPort, CLIENTS - 1, () => residentMib(stack.controlPlane.pid));
    report(json, gets, uploads, oneClient, manyClients);
  } finally {
    await stack.stop();
  }
}

interface Pair {
  readonly direct: readonly number[];
  readonly envoy: readonly number[];
}

/** Turn and turn about, so that both meet the same machine. */
async function sideBySide(count: number, direct: string, envoy: string, call: (url: string) => Promise<number>) {
  for (let warm = 0; warm < 20; warm += 1) await call(warm % 2 === 0 ? direct : envoy);
  const figures = { direct: [] as number[], envoy: [] as number[] };
  for (let turn = 0; turn < count; turn += 1) {
    figures.direct.push(await call(direct));
    figures.envoy.push(await call(envoy));
  }
  return figures;
}

function timedGet(url: string, agent: Agent): Promise<number> {
  const started = performance.now();
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      response.resume();
      response.on("end", () => resolve(performance.now() - started));
      response.on("error", reject);
    }).on("error", reject);
  });
}

function residentMib(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(match?.[1]) / 1024;
}

/** Connects delta ADS clients, each over a connection of its own, that hold all clusters and endpoints; then looks. */
async function withClients(port: number, count: number, look: () => number): Promise<number> {
  const plain: ChannelCredentials = credentials.createInsecure();
  const clients = Array.from(
    { length: count },
    () =>
      new AggregatedDiscoveryServiceClient(`127.0.0.1:${port}`, plain, {
        "grpc.use_local_subchannel_pool": 1,
      }),
  );
  try {
    await Promise.all(
      clients.map((client, index) => {
        const stream = client.deltaAggregatedResources();
        const answered = new Promise<void>((resolve, reject) => {
          stream.on("data", () => resolve());
          stream.on("error", reject);
        });
        for (const typeUrl of [TYPE_URLS.cluster, TYPE_URLS.endpoints])
          stream.write(
            DeltaDiscoveryRequest.fromPartial({
              node: { id: `bench-${index}`, cluster: "bench" },
              typeUrl,
              resourceNamesSubscribe: ["*"],
            }),
          );
        // What a closed stream says later is no fault of the bench.
        return answered.then(() => stream.on("error", () => {}));
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 3000));
    return look();
  } finally {
    for (const client of clients) client.close();
  }
}

function report(json: boolean, gets: Pair, uploads: Pair, oneClientMib: number, manyClientsMib: number): void {
  const row = (name: string, { direct, envoy }: Pair, q: number) => {
    const [a, b] = [percentile(direct, q), percentile(envoy, q)];
    return [name, round(a, 2), round(b, 2), round(b - a, 2), round(b / a, 2)];
  };
  printTable(
    ["", "direct ms", "through Envoy ms", "added ms", "ratio"],
    [
      row("GET p50", gets, 0.5),
      row("GET p99", gets, 0.99),
      row("upload p50", uploads, 0.5),
      row("upload p99", uploads, 0.99),
    ],
  );
  const perClientKib = ((manyClientsMib - oneClientMib) * 1024) / (CLIENTS - 1);
  console.log(
    `control plane memory: ${round(oneClientMib)} MiB with 1 client, ${round(manyClientsMib)} MiB with ${CLIENTS} (${round(perClientKib)} KiB a client)`,
  );
  if (!json) return;
  console.log(
    JSON.stringify({
      get_direct_p50_ms: round(percentile(gets.direct, 0.5), 3),
      get_envoy_p50_ms: round(percentile(gets.envoy, 0.5), 3),
      get_ratio: round(percentile(gets.envoy, 0.5) / percentile(gets.direct, 0.5), 3),
      upload_direct_p50_ms: round(percentile(uploads.direct, 0.5), 2),
      upload_envoy_p50_ms: round(percentile(uploads.envoy, 0.5), 2),
      upload_ratio: round(percentile(uploads.envoy, 0.5) / percentile(uploads.direct, 0.5), 3),
      control_plane_1_client_mib: round(oneClientMib),
      control_plane_500_clients_mib: round(manyClientsMib),
    }),
  );
}
