import { rm } from "node:fs/promises";
import { hostname } from "node:os";
import { logger } from "../../common/log.ts";
import { progressToStderr } from "../../common/program/progress.ts";
import { type Command, is, loadSettings } from "../../common/settings.ts";
import { bootstrap } from "../bootstrap/bootstrap.ts";
import type { XdsAddress } from "../bootstrap/xds-cluster.ts";
import { xdsTransportSocket } from "../bootstrap/xds-tls.ts";
import { findEnvoy } from "./find.ts";
import { runEnvoy } from "./run.ts";
import { envoySettings } from "./settings.ts";
import { untilSignal } from "./until-signal.ts";
import { writeSecretFiles, xdsTls, xdsTlsSettings } from "./xds-tls.ts";

const settings = {
  xds: {
    flag: "xds",
    env: "EVENKEEL_XDS",
    value: "HOST:PORT,…",
    default: "127.0.0.1:18000",
    parse: xdsAddresses,
    help: "the control plane's replicas, or one name that resolves to all of them",
  },
  ...xdsTlsSettings,
  protocol: {
    flag: "xds-protocol",
    env: "EVENKEEL_XDS_PROTOCOL",
    value: "PROTOCOL",
    default: "delta",
    parse: is.choice("delta", "sotw"),
    help: "incremental (delta) or state-of-the-world (sotw) ADS",
  },
  nodeId: {
    flag: "node-id",
    env: "EVENKEEL_NODE_ID",
    value: "ID",
    default: `${hostname()}-${process.pid}`,
    parse: is.text,
    help: "this Envoy's name, unique among those of a control plane",
  },
  nodeCluster: {
    flag: "node-cluster",
    env: "EVENKEEL_NODE_CLUSTER",
    value: "NAME",
    default: "evenkeel-gateway",
    parse: is.text,
    help: "what the Envoys of this kind are called together",
  },
  zone: {
    flag: "zone",
    env: "EVENKEEL_ZONE",
    value: "ZONE",
    default: "",
    parse: is.anyText,
    help: "the zone in which it runs",
  },
  ...envoySettings({ maxHeap: "1GiB" }),
  print: {
    flag: "print-bootstrap",
    parse: is.flag,
    help: "print Envoy's configuration and end; certificates, if any, as files that are read once",
  },
} as const;

const command: Command<typeof settings> = {
  name: "evenkeel envoy",
  summary: "Runs Envoy with a bootstrap that asks the control plane for everything; drains on SIGTERM.",
  settings,
  examples: ["evenkeel envoy --xds 10.0.0.5:18000", "evenkeel envoy --xds control-plane.evenkeel.svc:18000"],
};

/**
 * `evenkeel envoy`: runs until SIGTERM or SIGINT; a second one ends it without waiting for requests.
 * @returns the exit code
 * @throws EvenkeelError as the settings, the finder and {@link runEnvoy} do; EK_CHILD_FAILED when Envoy ends by itself
 */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(command, args);
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return 0;
  }
  const { values } = loaded;
  const tls = xdsTls(values, values.xds);
  const config = (secrets?: string) =>
    bootstrap({
      nodeId: values.nodeId,
      nodeCluster: values.nodeCluster,
      ...(values.zone === "" ? {} : { locality: { zone: values.zone } }),
      xds: values.xds,
      ...(tls === undefined ? {} : { xdsTransportSocket: xdsTransportSocket(tls, secrets) }),
      protocol: values.protocol === "delta" ? "DELTA_GRPC" : "GRPC",
      adminPort: values.adminPort,
      maxHeapBytes: values.maxHeap,
    });
  if (values.print) {
    process.stdout.write(`${JSON.stringify(config(), undefined, 2)}\n`);
    return 0;
  }
  const binary = await findEnvoy({ onProgress: progressToStderr });
  const secrets = tls === undefined ? undefined : await writeSecretFiles(tls);
  try {
    const envoy = await runEnvoy({
      binary,
      config: config(secrets),
      name: "envoy",
      logLevel: values.envoyLogLevel,
      ...(values.concurrency === 0 ? {} : { concurrency: values.concurrency }),
      onLine: (line, stream) => void process[stream].write(`${line}\n`),
    });
    const log = logger("envoy");
    log.info({ pid: envoy.child.pid, adminPort: envoy.adminPort }, "Envoy runs");
    return await untilSignal(envoy, values.drainTimeout, log);
  } finally {
    if (secrets !== undefined) await rm(secrets, { recursive: true, force: true });
  }
}

function xdsAddresses(text: string): readonly XdsAddress[] {
  return text.split(",").map((part) => {
    const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(part.trim());
    const port = Number(match?.[3]);
    if (match === null || port < 1 || port > 65535)
      throw new Error("is not HOST:PORT (IPv6 in brackets), several with commas");
    return { address: match[1] ?? match[2] ?? "", port };
  });
}
