import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { Child } from "../../common/child.ts";
import { freePorts } from "../../common/ports.ts";
import { testFolder } from "../../common/program/testing.ts";
import { type Broker, startBroker } from "./testing/broker.ts";
import { badImages, goodImage } from "./testing/images.ts";
import { openPublisher, reportOf, rowsIn, startAnalyzer } from "./testing/job-under-test.ts";
import { type Postgres, startPostgres } from "./testing/postgres.ts";
import { smallDisk } from "./testing/small-disk.ts";
import { until } from "./testing/wait.ts";

const LONG_MS = 240_000;
/** How long the database is away, in ms. */
const AWAY_MS = 60_000;

let broker: Broker;
let postgres: Postgres;
beforeAll(async () => {
  [broker, postgres] = await Promise.all([startBroker(), startPostgres()]);
}, 900_000);
afterAll(async () => {
  await broker?.remove();
  await postgres?.remove();
});

async function analyzer(
  folder: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = [],
): Promise<Child> {
  const child = await startAnalyzer(broker, folder, env, args);
  onTestFinished(() => child.stop());
  return child;
}

/** Has the broker keep what comes to a topic. */
async function subscribed(topic: string): Promise<void> {
  const child = await analyzer("/unused", { MQTT_TOPIC: topic }, ["--subscribe-only"]);
  expect(await child.exited).toMatchObject({ code: 0 });
}

async function send(topic: string, images: readonly Buffer[]): Promise<void> {
  const publisher = await openPublisher(broker);
  try {
    for (const image of images) await publisher.publish(topic, image);
  } finally {
    await publisher.close();
  }
}

const badTopic = (name: string) => `whole/${name.replaceAll(" ", "-")}`;

const images = (count: number) => Promise.all(Array.from({ length: count }, (_, index) => goodImage(index)));

describe("the analyser", { timeout: LONG_MS }, () => {
  test(
    "analyses what waits, rejects what is no image, tells the database, and ends when nothing waits",
    async () => {
      const folder = await testFolder();
      await subscribed("whole/#");
      await send("whole/good", await images(8));
      const bad = await badImages();
      for (const [name, bytes] of bad) await send(badTopic(name), [bytes]);
      const { host, port, name, user } = postgres.options;
      const child = await analyzer(folder, {
        MQTT_TOPIC: "whole/#",
        IDLE_TIMEOUT: "10s",
        DB_ENABLED: "true",
        DB_HOST: host,
        DB_PORT: String(port),
        DB_NAME: name,
        DB_USER: user,
      });
      expect(await child.exited).toMatchObject({ code: 0 });
      expect(reportOf(child)).toMatchObject({
        analysed: 8,
        rejected: bad.length,
        givenBack: 0,
        ended: "idle",
        isInDatabase: true,
      });
      const rows = await rowsIn(folder);
      expect(rows).toHaveLength(8 + bad.length);
      const good = rows.filter(({ status }) => status === "analysed");
      expect(new Set(good.map(({ posture }) => posture))).toEqual(new Set(["upright", "leaning", "sitting", "lying"]));
      for (const { image_file, node, pod } of good) {
        expect(existsSync(join(folder, image_file))).toBe(true);
        expect({ node, pod }).toEqual({ node: "node-1", pod: "pod-1" });
      }
      for (const [about, , reason] of bad)
        expect(rows.find(({ topic }) => topic === badTopic(about))).toMatchObject({
          status: "rejected",
          reason: expect.stringContaining(reason),
        });
      const stored = await postgres.query(
        "SELECT status, count(*)::int AS n FROM posture_results GROUP BY 1 ORDER BY 1",
      );
      expect(stored).toEqual([
        { status: "analysed", n: 8 },
        { status: "rejected", n: bad.length },
      ]);
    },
    LONG_MS,
  );

  test(
    "killed in the middle, it loses nothing and counts nothing twice",
    async () => {
      const folder = await testFolder();
      await subscribed("kill/#");
      const count = 60;
      await send("kill/x", await images(count));
      const env = { MQTT_TOPIC: "kill/#", IDLE_TIMEOUT: "none" };
      for (const part of [8, 24]) {
        const victim = await analyzer(folder, env);
        await until("some rows", async () => (await rowsIn(folder)).length >= part);
        victim.signal("SIGKILL");
        await victim.exited;
      }
      // The broker sends again what was not acknowledged only after a while.
      const last = await analyzer(folder, env);
      await until("all rows", async () => (await rowsIn(folder)).length >= count, LONG_MS);
      last.signal("SIGTERM");
      expect(await last.exited).toMatchObject({ code: 0 });
      const ids = (await rowsIn(folder)).map(({ image_id }) => image_id);
      expect(ids).toHaveLength(count);
      expect(new Set(ids).size).toBe(count);
      expect((await readdir(folder)).filter((name) => name.endsWith(".jpg") && !name.startsWith("."))).toHaveLength(
        count,
      );
    },
    LONG_MS,
  );

  test(
    "goes on when the broker was restarted under it",
    async () => {
      const folder = await testFolder();
      await subscribed("restart/#");
      const all = await images(40);
      await send("restart/x", all.slice(0, 20));
      const child = await analyzer(folder, { MQTT_TOPIC: "restart/#", IDLE_TIMEOUT: "none" });
      await until("some rows", async () => (await rowsIn(folder)).length >= 5);
      await broker.kill();
      await broker.start();
      await send("restart/x", all.slice(20));
      await until("all rows", async () => (await rowsIn(folder)).length >= all.length, LONG_MS);
      child.signal("SIGTERM");
      expect(await child.exited).toMatchObject({ code: 0 });
      expect(new Set((await rowsIn(folder)).map(({ image_id }) => image_id)).size).toBe(all.length);
      expect(await rowsIn(folder)).toHaveLength(all.length);
    },
    LONG_MS,
  );

  test(
    "at SIGTERM it gives back what it has not begun, and the next one does the rest",
    async () => {
      const folder = await testFolder();
      await subscribed("term/#");
      const count = 60;
      await send("term/x", await images(count));
      const env = { MQTT_TOPIC: "term/#", IDLE_TIMEOUT: "none" };
      const first = await analyzer(folder, env);
      await until("some rows", async () => (await rowsIn(folder)).length >= 3);
      first.signal("SIGTERM");
      expect(await first.exited).toMatchObject({ code: 0 });
      expect(reportOf(first)).toMatchObject({ ended: "stopped", analysed: (await rowsIn(folder)).length });
      const next = await analyzer(folder, env);
      await until("all rows", async () => (await rowsIn(folder)).length >= count, LONG_MS);
      next.signal("SIGTERM");
      expect(await next.exited).toMatchObject({ code: 0 });
      expect(new Set((await rowsIn(folder)).map(({ image_id }) => image_id)).size).toBe(count);
      expect(await rowsIn(folder)).toHaveLength(count);
    },
    LONG_MS,
  );

  test(
    "images in work are given back when their time after SIGTERM is over",
    async () => {
      const folder = await testFolder();
      await subscribed("drain/#");
      const large = (red: number) =>
        sharp({ create: { width: 4000, height: 4000, channels: 3, background: { r: red, g: 255, b: 255 } } })
          .png()
          .toBuffer();
      await send("drain/x", await Promise.all([0, 40, 80, 120, 160, 200].map(large)));
      const child = await analyzer(folder, { MQTT_TOPIC: "drain/#", IDLE_TIMEOUT: "none", DRAIN_TIMEOUT: "0s" });
      await until("a row", async () => (await rowsIn(folder)).length > 0);
      const before = (await rowsIn(folder)).length;
      child.signal("SIGTERM");
      expect(await child.exited).toMatchObject({ code: 0 });
      // The one in work may just have been done; the one that waited for it has not begun.
      expect((await rowsIn(folder)).length).toBeLessThan(before + 2);
      expect(reportOf(child).givenBack).toBeGreaterThan(0);
    },
    LONG_MS,
  );

  test(
    "with the database away for a minute it goes on, names the fault, and brings every row afterwards, once",
    async () => {
      const folder = await testFolder();
      await subscribed("away/#");
      const all = await images(30);
      const { host, port, name, user } = postgres.options;
      const database = { DB_ENABLED: "true", DB_HOST: host, DB_PORT: String(port), DB_NAME: name, DB_USER: user };
      const child = await analyzer(folder, { MQTT_TOPIC: "away/#", IDLE_TIMEOUT: "none", ...database });
      await send("away/x", all.slice(0, 10));
      const stored = async () =>
        (await postgres.query("SELECT image_id FROM posture_results WHERE topic = 'away/x'")).map(
          (row) => row.image_id,
        );
      await until("the first rows in the database", async () => (await stored()).length === 10, LONG_MS);
      await postgres.stop();
      const stoppedMs = performance.now();
      await send("away/x", all.slice(10, 20));
      await until("rows without the database", async () => (await rowsIn(folder)).length === 20, LONG_MS);
      const fault = `EK_DATABASE_UNREACHABLE postgresql://${host}:${port}/${name}`;
      await until("the fault", () => child.lastLines().some((line) => line.includes(fault)), LONG_MS);
      await sleep(AWAY_MS - (performance.now() - stoppedMs));
      await postgres.start();
      await send("away/x", all.slice(20));
      await until("all rows", async () => (await rowsIn(folder)).length === all.length, LONG_MS);
      child.signal("SIGTERM");
      expect(await child.exited).toMatchObject({ code: 0 });
      expect(reportOf(child)).toMatchObject({ isInDatabase: true });
      const ids = (await rowsIn(folder)).map(({ image_id }) => image_id);
      expect(new Set(ids).size).toBe(all.length);
      expect((await stored()).toSorted()).toEqual(ids.toSorted());
    },
    AWAY_MS + LONG_MS,
  );

  // It mounts a disk of its own; analyser.test.ts has the same with a disk that is played, for everybody.
  test.skipIf(process.getuid?.() !== 0)(
    "on a disk that is really full it acknowledges nothing and names the fault; with room again nothing is lost or twice",
    async () => {
      const folder = await testFolder();
      await subscribed("full/#");
      const all = await images(20);
      const disk = await smallDisk(folder);
      const child = await analyzer(folder, { MQTT_TOPIC: "full/#", IDLE_TIMEOUT: "none" });
      await send("full/x", all.slice(0, 5));
      await until("rows", async () => (await rowsIn(folder)).length === 5, LONG_MS);
      await disk.fill();
      await send("full/x", all.slice(5));
      const isNamed = () => child.lastLines().some((line) => line.includes("the disk is full (ENOSPC)"));
      await until("the fault", isNamed, LONG_MS);
      // What it cannot write it gives back: killed now, it has lost nothing.
      child.signal("SIGKILL");
      await child.exited;
      expect(child.lastLines().join("\n")).toContain("EK_RESULTS_UNWRITABLE");
      const kept = (await rowsIn(folder)).length;
      expect(kept).toBeLessThan(all.length);
      const next = await analyzer(folder, { MQTT_TOPIC: "full/#", IDLE_TIMEOUT: "none" });
      await until("the fault again", () => next.lastLines().join().includes("EK_RESULTS_UNWRITABLE"), LONG_MS);
      await disk.free();
      await until("all rows", async () => (await rowsIn(folder)).length >= all.length, LONG_MS);
      next.signal("SIGTERM");
      expect(await next.exited).toMatchObject({ code: 0 });
      const ids = (await rowsIn(folder)).map(({ image_id }) => image_id);
      expect(ids).toHaveLength(all.length);
      expect(new Set(ids).size).toBe(all.length);
    },
    LONG_MS,
  );

  test("fails with the fault's name when the broker stays away", async () => {
    const [port = 0] = await freePorts(1);
    const child = await startAnalyzer({ host: "127.0.0.1", port }, await testFolder(), { CONNECT_TIMEOUT: "500ms" });
    onTestFinished(() => child.stop());
    expect(await child.exited).toMatchObject({ code: 1 });
    expect(child.lastLines().join("\n")).toContain(`EK_BROKER_UNREACHABLE mqtt://127.0.0.1:${port}`);
  });
});
