import { type AddressInfo, createServer, type Socket } from "node:net";
import { generate, type Packet, parser } from "mqtt-packet";
import { expect, onTestFinished, test } from "vitest";
import { type PostureLoad, sendImages } from "./send.ts";

interface Stub {
  readonly port: number;
  /** Images that came. */
  images(): number;
}

/** A broker that takes images and tells nobody; `onImage` gets the connections with each one, to end them. */
async function startStub(onImage: (count: number, connections: ReadonlyMap<string, Socket>) => void): Promise<Stub> {
  const connections = new Map<string, Socket>();
  let images = 0;
  const server = createServer((socket) => {
    const send = (packet: Packet) => socket.write(generate(packet, { protocolVersion: 4 }));
    const packets = parser({ protocolVersion: 4 });
    // The one that subscribes is for results.
    let role = "publisher";
    packets.on("packet", (packet: Packet) => {
      if (packet.cmd === "connect") send({ cmd: "connack", returnCode: 0, sessionPresent: false });
      if (packet.cmd === "subscribe") {
        role = "results";
        send({ cmd: "suback", messageId: packet.messageId ?? 0, granted: [1] });
      }
      connections.set(role, socket);
      if (packet.cmd === "disconnect") socket.end();
      if (packet.cmd !== "publish") return;
      images += 1;
      send({ cmd: "puback", messageId: packet.messageId ?? 0 });
      onImage(images, connections);
    });
    socket.on("data", (bytes) => packets.parse(bytes)).on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of connections.values()) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, images: () => images };
}

const load = (port: number, more: Partial<PostureLoad>): PostureLoad => ({
  access: { host: "127.0.0.1", port },
  total: 1_000_000,
  rate: 100,
  prefix: "images",
  topics: 1,
  width: 32,
  height: 32,
  resultTopic: "results",
  waitMs: 3_600_000,
  interrupted: new AbortController().signal,
  ...more,
});

test.each(["publisher", "results"])("a lost connection (%s) ends the run, while it sends", async (role) => {
  const stub = await startStub((count, connections) => {
    if (count === 5) connections.get(role)?.destroy();
  });
  await expect(sendImages(load(stub.port, {}))).rejects.toMatchObject({ code: "EK_BROKER_UNREACHABLE" });
  expect(stub.images()).toBeGreaterThanOrEqual(5);
});

test("a lost connection ends the wait for results", async () => {
  const stub = await startStub((count, connections) => {
    if (count === 5) setTimeout(() => connections.get("results")?.destroy(), 100);
  });
  await expect(sendImages(load(stub.port, { total: 5 }))).rejects.toMatchObject({ code: "EK_BROKER_UNREACHABLE" });
});

test("a run that is interrupted tells its figures, and its own good-bye is no fault", async () => {
  const controller = new AbortController();
  const stub = await startStub((count) => {
    if (count === 5) controller.abort();
  });
  const figures = await sendImages(load(stub.port, { interrupted: controller.signal }));
  expect(figures.sent).toBeLessThan(100);
  expect(figures).toMatchObject({ accepted: figures.sent, results: 0 });
});
