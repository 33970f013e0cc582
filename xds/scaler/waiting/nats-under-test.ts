import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Child, startChild } from "../../../common/child.ts";
import { freePorts } from "../../../common/ports.ts";
import { findNatsServer } from "../../../common/program/pins/nats-server.ts";

/** A real NATS server with JetStream and MQTT on loopback, for tests. */
export interface NatsUnderTest {
  readonly mqttPort: number;
  /** Monitoring address. */
  readonly url: string;
  /** Ends it at once, as a crash would; its messages stay on disk. */
  kill(): Promise<void>;
  /** Starts it again at the same ports with the same messages. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const READY_MS = 60_000;

/** How often new ports are tried when another program took one. */
const PORT_ATTEMPTS = 3;

export async function startNats(): Promise<NatsUnderTest> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startOnce();
    } catch (error) {
      if (attempt === PORT_ATTEMPTS || !String(error).includes("address already in use")) throw error;
    }
  }
}

async function startOnce(): Promise<NatsUnderTest> {
  const program = await findNatsServer({ onProgress: (line) => process.stderr.write(`${line}\n`) });
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-nats-"));
  const [port, mqttPort, httpPort] = (await freePorts(3)) as [number, number, number];
  const config = join(folder, "nats.conf");
  await writeFile(
    config,
    [
      'server_name: "test"',
      `listen: "127.0.0.1:${port}"`,
      `http: "127.0.0.1:${httpPort}"`,
      `jetstream { store_dir: ${JSON.stringify(join(folder, "store"))} }`,
      `mqtt { listen: "127.0.0.1:${mqttPort}" }`,
    ].join("\n"),
  );
  const url = `http://127.0.0.1:${httpPort}`;
  let child: Child | undefined;
  const start = async () => {
    const started = await startChild(program, ["-c", config], { name: "nats-server" });
    child = started;
    let ended = false;
    void started.exited.then(() => {
      ended = true;
    });
    const until = performance.now() + READY_MS;
    while (!(await isReady(url))) {
      if (ended || performance.now() > until)
        throw new Error(`nats-server is not ready: ${started.lastLines().join(" | ")}`);
      await sleep(50);
    }
  };
  const stop = async () => {
    await child?.stop();
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    mqttPort,
    url,
    start,
    stop,
    async kill() {
      child?.signal("SIGKILL");
      await child?.exited;
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/healthz`)).ok;
  } catch {
    return false;
  }
}
