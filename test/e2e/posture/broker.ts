import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Child, startChild } from "../../../common/child.ts";
import { findNatsServer } from "../../../common/program/pins/nats-server.ts";
import { manifest, processService } from "../../rig/extras/process-service.ts";
import { waitUntil } from "../../rig/ready.ts";
import type { Rig } from "../../rig/rig.ts";
import { NAMESPACE } from "./names.ts";

const MQTT_PORT = 8883;
const MONITOR_PORT = 8222;
/** Its name on the rig's network. */
export const BROKER_HOST = `nats.${NAMESPACE}.svc.cluster.local`;
/** Where publishers find it on the rig's network. */
export const BROKER = `${BROKER_HOST}:${MQTT_PORT}`;

/** A real NATS server with JetStream, as a process on the rig's node behind the Service `nats`. */
export interface Broker {
  /** Ends it at once, as a crash would; what it has kept stays. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/**
 * @param folder for what it keeps
 * @param certificates folder of `broker.crt`, `broker.key` and `ca.crt`: it speaks MQTT over TLS only, with whom that
 * authority knows
 */
export async function startBroker(
  rig: Rig,
  folder: string,
  certificates: string,
  ends: AsyncDisposableStack,
): Promise<Broker> {
  const program = await findNatsServer();
  mkdirSync(folder, { recursive: true });
  const config = join(folder, "nats.conf");
  writeFileSync(config, configuration(join(folder, "store"), certificates));
  const ports = [
    { name: "mqtt", port: MQTT_PORT, targetPort: MQTT_PORT },
    { name: "monitor", port: MONITOR_PORT, targetPort: MONITOR_PORT },
  ];
  const service = processService({ namespace: NAMESPACE, name: "nats", ports });
  await rig.kubectl(["apply", "--server-side", "-f", "-"], manifest(service));
  let child: Child | undefined;
  ends.defer(() => child?.stop());
  const broker: Broker = {
    async start() {
      const [command, ...args] = rig.inside([program, "--config", config]) as [string, ...string[]];
      child = await startChild(command, args, { name: "nats-server" });
      const health = `http://${BROKER_HOST}:${MONITOR_PORT}/healthz`;
      const isReady = async () => (await rig.exec(["curl", "-sS", "--max-time", "3", health])).includes("ok");
      await waitUntil("the broker", isReady, { timeoutMs: 60_000, everyMs: 500 });
    },
    async kill() {
      child?.signal("SIGKILL");
      await child?.exited;
    },
  };
  await broker.start();
  return broker;
}

/** What a killed analyser held is to come again soon, and no more is to be sent ahead than it can hold. */
function configuration(store: string, certificates: string): string {
  const file = (name: string) => JSON.stringify(join(certificates, name));
  const tls = `tls { cert_file: ${file("broker.crt")}, key_file: ${file("broker.key")}, ca_file: ${file("ca.crt")}, verify: true }`;
  return [
    'server_name: "posture"',
    'listen: "0.0.0.0:4222"',
    `http: "0.0.0.0:${MONITOR_PORT}"`,
    "max_payload: 8MB",
    `jetstream { store_dir: ${JSON.stringify(store)} }`,
    `mqtt { listen: "0.0.0.0:${MQTT_PORT}", ack_wait: "8s", max_ack_pending: 16, ${tls} }`,
    "",
  ].join("\n");
}
