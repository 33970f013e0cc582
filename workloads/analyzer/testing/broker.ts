import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Child, startChild } from "../../../common/child.ts";
import { EvenkeelError } from "../../../common/errors.ts";
import { freePorts } from "../../../common/ports.ts";
import { findNatsServer } from "../../../common/program/pins/nats-server.ts";
import { openConnection } from "../mqtt/connection.ts";

const READY_MS = 60_000;
const POLL_MS = 100;

export interface BrokerOptions {
  readonly username?: string;
  readonly password?: string;
  /** Paths of PEM files; the broker then speaks TLS only. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string };
  /** An image that is not acknowledged is sent again after this time; in seconds. Absent: 3. */
  readonly ackWaitSeconds?: number;
}

/** A real broker of our own: NATS with JetStream, which speaks MQTT and keeps messages on disk. */
export interface Broker {
  readonly host: string;
  /** For MQTT. */
  readonly port: number;
  /** Ends it; what it has kept stays. */
  stop(): Promise<void>;
  /** Ends it as a power cut would. */
  kill(): Promise<void>;
  /** Starts it again on the same port with what it has kept. */
  start(): Promise<void>;
  /** Ends it and removes what it has kept. */
  remove(): Promise<void>;
}

/** Starts a broker on free loopback ports. */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const program = await findNatsServer();
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-broker-"));
  const [port = 0, natsPort = 0] = await freePorts(2);
  const config = join(folder, "nats.conf");
  await writeFile(config, natsConfig(folder, port, natsPort, options));
  let child: Child | undefined;
  const broker: Broker = {
    host: "127.0.0.1",
    port,
    async start() {
      child = await startChild(program, ["--config", config], { name: "nats-server" });
      await ready(child, port, options);
    },
    async stop() {
      await child?.stop();
    },
    async kill() {
      child?.signal("SIGKILL");
      await child?.exited;
    },
    async remove() {
      await child?.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await broker.start();
  } catch (error) {
    await broker.remove();
    throw error;
  }
  return broker;
}

function natsConfig(folder: string, port: number, natsPort: number, options: BrokerOptions): string {
  const { username, password, tls, ackWaitSeconds = 3 } = options;
  const user =
    username === undefined ? "" : `authorization { user: ${quoted(username)}, password: ${quoted(password ?? "")} }\n`;
  const encrypted =
    tls === undefined
      ? ""
      : `  tls { cert_file: ${quoted(tls.cert)}, key_file: ${quoted(tls.key)}${
          tls.ca === undefined ? "" : `, ca_file: ${quoted(tls.ca)}, verify: true`
        } }\n`;
  return `server_name: evenkeel-test
listen: "127.0.0.1:${natsPort}"
max_payload: 8MB
${user}jetstream { store_dir: ${quoted(join(folder, "jetstream"))}, sync_interval: always }
mqtt {
  listen: "127.0.0.1:${port}"
  ack_wait: "${ackWaitSeconds}s"
${encrypted}}
`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

async function ready(child: Child, port: number, options: BrokerOptions): Promise<void> {
  const deadline = performance.now() + READY_MS;
  for (;;) {
    try {
      // With TLS only an own client can tell; that the port is open is enough there.
      if (options.tls !== undefined) return await portOpen(port);
      const { username, password } = options;
      const who = { ...(username === undefined ? {} : { username }), ...(password === undefined ? {} : { password }) };
      const clientId = `ready-${process.pid}`;
      const connection = await openConnection({ host: "127.0.0.1", port, clientId, clean: true, ...who, onMessage });
      return await connection.close();
    } catch (cause) {
      if (performance.now() > deadline)
        throw new EvenkeelError("EK_TIMEOUT", `the broker is not ready: ${child.lastLines().slice(-5).join(" | ")}`, {
          cause,
        });
      await sleep(POLL_MS);
    }
  }
}

function onMessage(): void {}

async function portOpen(port: number): Promise<void> {
  const { connect } = await import("node:net");
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port }, () => {
      socket.destroy();
      resolve();
    }).on("error", reject);
  });
}
