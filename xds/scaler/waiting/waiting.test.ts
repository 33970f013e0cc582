import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Connection, type Message, openConnection } from "../../../workloads/analyzer/mqtt/connection.ts";
import { type NatsUnderTest, startNats } from "./nats-under-test.ts";
import { readQueues } from "./queues.ts";
import { type Waiter, WaitingImages } from "./waiting.ts";

/** The broker that is not in the cache yet is built first. */
const BUILD_MS = 3_600_000;
const LONG = { timeout: 60_000, interval: 100 };
const log = pino({ level: "silent" });

let nats: NatsUnderTest;
beforeAll(async () => {
  nats = await startNats();
}, BUILD_MS);
afterAll(async () => {
  await nats?.stop();
}, 60_000);

const broker = () => ({ host: "127.0.0.1", port: nats.mqttPort });
const waitingAt = (url: string, withBroker = true) =>
  new WaitingImages({ url, broker: withBroker ? broker() : undefined, deadlineMs: 20_000, log });

function connect(clientId: string, onMessage: (message: Message) => void = () => undefined): Promise<Connection> {
  return openConnection({ ...broker(), clientId, clean: false, timeoutMs: 30_000, onMessage });
}

async function publish(topic: string, count: number): Promise<void> {
  const camera = await openConnection({
    ...broker(),
    clientId: `camera-${topic}`,
    clean: true,
    onMessage: () => undefined,
  });
  for (let index = 0; index < count; index += 1) await camera.publish(topic, Buffer.from("image"));
  await camera.close();
}

/** A count is kept for a second, so it is awaited. */
async function becomes(waiting: WaitingImages, waiter: Waiter, count: number | undefined): Promise<void> {
  await vi.waitFor(async () => expect((await waiting.count([waiter])).get(waiter.clientId)).toBe(count), LONG);
}

test("a session is made before the first image, so that none is lost; images are counted per session", async () => {
  const waiting = waitingAt(nats.url);
  const jobs = [0, 1, 2].map((n): Waiter => ({ clientId: `count-${n}`, topic: `count/${n}/#`, running: false }));
  expect(await waiting.count(jobs)).toEqual(
    new Map([
      ["count-0", 0],
      ["count-1", 0],
      ["count-2", 0],
    ]),
  );
  await publish("count/1", 3);
  await publish("count/1/deep/er", 2);
  await publish("count/2/a", 1);
  await publish("elsewhere", 5);
  await becomes(waiting, jobs[1] as Waiter, 5);
  expect(await waiting.count(jobs)).toEqual(
    new Map([
      ["count-0", 0],
      ["count-1", 5],
      ["count-2", 1],
    ]),
  );
}, 120_000);

test("an image counts until it is acknowledged, also one that a killed analyser held, also over a restart of the broker", async () => {
  const waiting = waitingAt(nats.url);
  const job = { clientId: "held", topic: "held/#", running: false };
  await waiting.count([job]);
  await publish("held/a", 4);
  await becomes(waiting, job, 4);

  const received: Message[] = [];
  const analyser = await connect("held", (message) => received.push(message));
  await vi.waitFor(() => expect(received).toHaveLength(4), LONG);
  received[0]?.acknowledge();
  await becomes(waiting, job, 3);
  await analyser.close();
  await becomes(waiting, job, 3);

  await nats.kill();
  await expect(readQueues({ url: nats.url }, AbortSignal.timeout(20_000))).rejects.toMatchObject({
    code: "EK_QUEUE_UNREADABLE",
  });
  await nats.start();
  await becomes(waiting, job, 3);
}, 240_000);

test("a session is not made while its job runs, nor without a broker or a topic", async () => {
  const job = { clientId: "absent", topic: "absent/#", running: false };
  expect(await waitingAt(nats.url, false).count([job])).toEqual(new Map());
  expect(await waitingAt(nats.url).count([{ ...job, running: true }])).toEqual(new Map());
  expect(await waitingAt(nats.url).count([{ ...job, topic: undefined }])).toEqual(new Map());
  await becomes(waitingAt(nats.url), job, 0);
}, 120_000);

test("what is not a NATS server with JetStream is named, and a silent one is given up", async () => {
  const answers: Record<string, string> = {
    "/off/jsz": '{"disabled":true}',
    "/odd/jsz": "<html>",
    "/bad/jsz": JSON.stringify({
      account_details: [{ stream_detail: [{ name: "$MQTT_msgs", consumer_detail: [{ name: "x", num_pending: -1 }] }] }],
    }),
  };
  const server = createServer((request, response) => {
    const path = request.url?.split("?")[0] ?? "";
    if (path.startsWith("/silent")) return;
    if (answers[path] === undefined) response.statusCode = 404;
    response.end(answers[path]);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const read = (path: string) => readQueues({ url: `${url}/${path}` }, AbortSignal.timeout(20_000));
  await expect(read("off")).rejects.toThrow("without JetStream");
  await expect(read("odd")).rejects.toMatchObject({ code: "EK_QUEUE_UNREADABLE" });
  await expect(read("bad")).rejects.toThrow("without a name or counts");
  await expect(read("none")).rejects.toThrow("HTTP 404");
  const silent = new WaitingImages({ url: `${url}/silent`, broker: undefined, deadlineMs: 50, log });
  await expect(silent.count([])).rejects.toMatchObject({ code: "EK_TIMEOUT" });
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
