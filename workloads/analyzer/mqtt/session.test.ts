import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { EvenkeelError } from "../../../common/errors.ts";
import { logger } from "../../../common/log.ts";
import { freePorts } from "../../../common/ports.ts";
import { testFolder } from "../../../common/program/testing.ts";
import { makeAuthority, makeLeaf } from "../../../test/rig/certificates.ts";
import { type Broker, startBroker } from "../testing/broker.ts";
import { until } from "../testing/wait.ts";
import { type Connection, type Message, openConnection } from "./connection.ts";
import type { MqttTls } from "./packets.ts";
import { Session } from "./session.ts";

let broker: Broker;
beforeAll(async () => {
  broker = await startBroker();
}, 900_000);
afterAll(() => broker?.remove());

const log = logger("session-test");
log.level = "silent";

async function publisher(): Promise<Connection> {
  const { host, port } = broker;
  const connection = await openConnection({
    host,
    port,
    clientId: randomUUID(),
    clean: true,
    onMessage: () => {},
  });
  onTestFinished(() => connection.close());
  return connection;
}

function session(name: string, onMessage: (message: Message) => void): Session {
  const { host, port } = broker;
  const made = new Session({ host, port, clientId: name, filter: `${name}/#`, onMessage, log });
  onTestFinished(() => made.close());
  return made;
}

describe("a session", { timeout: 180_000 }, () => {
  test("gets again what it did not acknowledge, and only that", async () => {
    const first: string[] = [];
    const one = session("again", (message) => {
      const text = Buffer.from(message.payload).toString();
      first.push(text);
      if (text === "a") message.acknowledge();
    });
    await until("the connection", () => one.isConnected);
    const from = await publisher();
    for (const text of ["a", "b"]) await from.publish("again/x", Buffer.from(text));
    await until("both messages", () => first.includes("a") && first.includes("b"));
    await one.close();
    await from.publish("again/x", Buffer.from("c"));
    const second: { text: string; isRepeated: boolean }[] = [];
    session("again", (message) => {
      second.push({ text: Buffer.from(message.payload).toString(), isRepeated: message.isRepeated });
      message.acknowledge();
    });
    await until("what was kept", () => second.length >= 2);
    expect(second.map(({ text }) => text).toSorted()).toEqual(["b", "c"]);
    expect(second.find(({ text }) => text === "b")?.isRepeated).toBe(true);
  });

  test("takes nothing while it is paused, and the rest afterwards", async () => {
    const seen = new Set<string>();
    const one = session("pause", (message) => {
      seen.add(Buffer.from(message.payload).toString("latin1", 0, 3));
      if (seen.size === 1) one.pause();
      message.acknowledge();
    });
    await until("the connection", () => one.isConnected);
    const from = await publisher();
    const count = 60;
    for (let index = 0; index < count; index += 1)
      await from.publish("pause/x", Buffer.alloc(200_000, String(index).padStart(3, "0")));
    // 12 MB do not fit into the buffers between the broker and us.
    expect(seen.size).toBeLessThan(count);
    one.resume();
    await until("all messages", () => seen.size === count);
  });

  test("comes back when the broker does, and has lost nothing", async () => {
    const seen: string[] = [];
    const one = session("restart", (message) => {
      seen.push(Buffer.from(message.payload).toString());
      message.acknowledge();
    });
    await until("the connection", () => one.isConnected);
    await broker.kill();
    await until("the end of it", () => !one.isConnected);
    expect(one.lastFault === undefined || one.lastFault instanceof EvenkeelError).toBe(true);
    await broker.start();
    await until("the next one", () => one.isConnected);
    await (await publisher()).publish("restart/x", Buffer.from("after"));
    await until("the message", () => seen.includes("after"));
  });
});

describe("openConnection", { timeout: 120_000 }, () => {
  test("names a broker that is not there", async () => {
    const [port = 0] = await freePorts(1);
    await expect(
      openConnection({ host: "127.0.0.1", port, clientId: "x", clean: true, onMessage: () => {} }),
    ).rejects.toMatchObject({ code: "EK_BROKER_UNREACHABLE", where: `mqtt://127.0.0.1:${port}` });
  });

  test("names a wrong password, and takes the right one", async () => {
    const guarded = await startBroker({ username: "posture", password: "right" });
    onTestFinished(() => guarded.remove());
    const { host, port } = guarded;
    const open = (password: string) =>
      openConnection({ host, port, clientId: "x", clean: true, username: "posture", password, onMessage: () => {} });
    await expect(open("wrong")).rejects.toMatchObject({ code: "EK_BROKER_REFUSED" });
    await (await open("right")).close();
  });

  test("speaks TLS both ways, and only with whom it knows", async () => {
    const folder = await testFolder();
    for (const authority of ["ca", "other"]) await makeAuthority(folder, authority);
    await makeLeaf(folder, "ca", "server", "/CN=localhost", "subjectAltName=DNS:localhost,IP:127.0.0.1");
    await makeLeaf(folder, "ca", "client", "/CN=analyzer");
    const path = (name: string) => join(folder, name);
    const tls = { cert: path("server.crt"), key: path("server.key"), ca: path("ca.crt") };
    const guarded = await startBroker({ tls });
    onTestFinished(() => guarded.remove());
    const pem = async (name: string) => await readFile(path(name), "utf8");
    const open = (secrets: MqttTls) =>
      openConnection({
        host: "localhost",
        port: guarded.port,
        clientId: "x",
        clean: true,
        tls: secrets,
        onMessage: () => {},
      });
    const client = { cert: await pem("client.crt"), key: await pem("client.key") };
    await (await open({ ...client, ca: await pem("ca.crt") })).close();
    await expect(open({ ...client, ca: await pem("other.crt") })).rejects.toMatchObject({
      code: "EK_BROKER_UNREACHABLE",
    });
    await expect(open({ ca: await pem("ca.crt") })).rejects.toMatchObject({ code: "EK_BROKER_UNREACHABLE" });
  });
});
