import { rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { type Child, startChild } from "../../common/child.ts";
import { EvenkeelError } from "../../common/errors.ts";
import { temporaryFolder } from "../../common/temporary-folder.ts";
import { waitUntil } from "./ready.ts";

/** A port on loopback that leads into a rig. */
export interface Forward {
  readonly host: string;
  readonly port: number;
  /** Ends it, and every connection through it. */
  close(): Promise<void>;
}

const RELAY = join(import.meta.dirname, "relay.ts");

/**
 * Opens a forward. A socket in the file system is the same in every network namespace: a relay on the rig's network
 * listens on one, and this process passes on to it what comes to the port.
 * @param inside the words that run a command on the rig's network
 * @throws EvenkeelError EK_CHILD_FAILED when the relay ends at once
 */
export async function openForward(target: string, inside: (command: readonly string[]) => string[]): Promise<Forward> {
  const folder = await temporaryFolder("forward");
  const socket = join(folder, "relay");
  const [program, ...args] = inside([process.execPath, RELAY, socket, target]) as [string, ...string[]];
  let relay: Child | undefined;
  const closeRelay = async () => {
    await relay?.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    relay = await startChild(program, args, { name: `forward to ${target}` });
    await listening(relay);
  } catch (error) {
    await closeRelay();
    throw error;
  }
  const clients = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    clients.add(client);
    client.once("close", () => clients.delete(client));
    const upstream = connect({ path: socket, allowHalfOpen: true });
    client.pipe(upstream).pipe(client);
    client.on("error", () => upstream.destroy());
    upstream.on("error", () => client.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { address, port } = server.address() as AddressInfo;
  return {
    host: address,
    port,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await closeRelay();
      // A client that does not end its half of a connection would keep it, and the server, for ever.
      for (const client of clients) client.destroy();
      await closed;
    },
  };
}

async function listening(relay: Child): Promise<void> {
  let ended = false;
  void relay.exited.then(() => {
    ended = true;
  });
  await waitUntil(`the ${relay.name}`, () => relay.lastLines().includes("listening"), {
    timeoutMs: 30_000,
    everyMs: 20,
    giveUp: () => {
      if (ended) throw new EvenkeelError("EK_CHILD_FAILED", `${relay.name}: ${relay.lastLines().join(" | ")}`);
    },
  });
}
