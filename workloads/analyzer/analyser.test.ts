import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { logger } from "../../common/log.ts";
import { testFolder } from "../../common/program/testing.ts";
import { Analyser, type AnalyserOptions } from "./analyser.ts";
import type { Message } from "./mqtt/connection.ts";
import { Persistence } from "./persist.ts";
import type { Outcome } from "./pool/protocol.ts";
import { CsvFile } from "./results/csv-file.ts";
import { ImageFiles } from "./results/image-files.ts";
import { fullDisk } from "./testing/full-disk.ts";
import { until } from "./testing/wait.ts";

const log = logger("analyser-test");
log.level = "silent";

const ANALYSED: Outcome = {
  kind: "analysed",
  width: 4,
  height: 3,
  estimate: { posture: "upright", confidence: 0.7, reason: "straight", marks: [] },
  annotated: Buffer.from("drawn"),
};

/** A pool whose images are done when the test says so. */
function manualPool(workers: number) {
  const waiting: ((outcome: Outcome) => void)[] = [];
  return {
    workers,
    estimator: "test",
    waiting,
    analyse: () => new Promise<Outcome>((resolve) => waiting.push(resolve)),
    finish(outcome: Outcome = ANALYSED) {
      const next = waiting.shift();
      if (next === undefined) throw new Error("nothing is in work");
      next(outcome);
    },
  };
}

function message(text: string): Message & { readonly acknowledged: () => number } {
  let times = 0;
  return {
    topic: "images/0",
    payload: Buffer.from(text),
    isRepeated: false,
    acknowledge: () => {
      times += 1;
    },
    acknowledged: () => times,
  };
}

async function setUp(options: Partial<AnalyserOptions> = {}) {
  const folder = await testFolder();
  const disk = fullDisk();
  const csv = new CsvFile(join(folder, "out.csv"), disk);
  await csv.prepare();
  const pool = manualPool(1);
  const stop = new AbortController();
  const session = {
    isPaused: false,
    told: [] as string[],
    pause() {
      session.isPaused = true;
    },
    resume() {
      session.isPaused = false;
    },
    tell(_: string, payload: string) {
      session.told.push(payload);
    },
  };
  const analyser = new Analyser({
    pool,
    csv,
    images: new ImageFiles(folder, disk),
    persistence: new Persistence(log, stop.signal),
    resultTopic: "results",
    outputDir: folder,
    node: "",
    pod: "",
    log,
    onRow: () => undefined,
    ...options,
  });
  analyser.attach(session);
  const lines = async () => (await readFile(csv.path, "utf8")).trimEnd().split("\n").slice(1);
  return { analyser, pool, disk, session, stop, folder, lines };
}

describe("Analyser", { timeout: 90_000 }, () => {
  test("acknowledges an image when its result is written, and tells the result before", async () => {
    const { analyser, pool, session, lines } = await setUp();
    const image = message("a");
    analyser.take(image);
    expect(image.acknowledged()).toBe(0);
    expect(analyser.idleMs).toBe(0);
    pool.finish();
    await until("the acknowledgement", () => image.acknowledged() === 1);
    expect(await lines()).toHaveLength(1);
    expect(session.told).toHaveLength(1);
    expect(analyser.counts).toEqual({ analysed: 1, rejected: 0, repeated: 0 });
  });

  test("an image that comes again is not analysed again, and every delivery is acknowledged", async () => {
    const { analyser, pool, lines } = await setUp();
    const deliveries = [message("a"), message("a"), message("a")];
    analyser.take(deliveries[0] as Message);
    analyser.take(deliveries[1] as Message);
    expect(pool.waiting).toHaveLength(1);
    pool.finish();
    await until("both", () => deliveries.slice(0, 2).every((one) => one.acknowledged() === 1));
    analyser.take(deliveries[2] as Message);
    expect(deliveries[2]?.acknowledged()).toBe(1);
    expect(pool.waiting).toHaveLength(0);
    expect(await lines()).toHaveLength(1);
    expect(analyser.counts.repeated).toBe(1);
  });

  test("a rejected image has a row, no file, and is acknowledged", async () => {
    const { analyser, pool, folder, lines } = await setUp();
    const image = message("no image");
    analyser.take(image);
    pool.finish({ kind: "rejected", reason: "no image" });
    await until("the acknowledgement", () => image.acknowledged() === 1);
    expect((await lines())[0]).toContain("rejected");
    expect((await readdir(folder)).filter((name) => name.endsWith(".jpg"))).toEqual([]);
  });

  test("on a full disk nothing is acknowledged, and all is written when there is room", async () => {
    const { analyser, pool, disk, lines } = await setUp();
    const image = message("a");
    disk.room = 0;
    analyser.take(image);
    pool.finish();
    await until("two tries", () => disk.failures >= 2);
    expect(image.acknowledged()).toBe(0);
    expect(await lines()).toEqual([]);
    disk.room = undefined;
    await until("the acknowledgement", () => image.acknowledged() === 1);
    expect(await lines()).toHaveLength(1);
  });

  test("a full disk does not keep it from ending; the image is given back", async () => {
    const { analyser, pool, disk, stop, lines } = await setUp();
    const image = message("a");
    disk.room = 0;
    analyser.take(image);
    pool.finish();
    await until("a try", () => disk.failures >= 1);
    const ended = analyser.stop();
    stop.abort();
    expect(await ended).toBe(1);
    expect(image.acknowledged()).toBe(0);
    expect(analyser.failure).toBeUndefined();
    expect(await lines()).toEqual([]);
  });

  test("holds only a few images, and the session waits meanwhile", async () => {
    const { analyser, pool, session } = await setUp();
    for (const name of ["a", "b", "c"]) analyser.take(message(name));
    expect(session.isPaused).toBe(false);
    analyser.take(message("d"));
    expect(session.isPaused).toBe(true);
    pool.finish();
    await until("room", () => !session.isPaused);
  });

  test("at the end it finishes what is in work and gives back the rest", async () => {
    const { analyser, pool, lines } = await setUp();
    const held = ["a", "b", "c", "d"].map(message);
    for (const image of held) analyser.take(image);
    const begun = pool.waiting.length;
    const ended = analyser.stop();
    const late = message("late");
    analyser.take(late);
    while (pool.waiting.length > 0) pool.finish();
    expect(await ended).toBe(held.length - begun);
    expect(held.map((image) => image.acknowledged())).toEqual(held.map((_, index) => (index < begun ? 1 : 0)));
    expect(late.acknowledged()).toBe(0);
    expect(await lines()).toHaveLength(begun);
  });

  test("what breaks the pool ends it, with nothing acknowledged", async () => {
    const pool = { workers: 1, estimator: "test", analyse: () => Promise.reject(new Error("no threads")) };
    const { analyser } = await setUp({ pool });
    const image = message("a");
    analyser.take(image);
    await until("the failure", () => analyser.failure !== undefined);
    expect(image.acknowledged()).toBe(0);
  });
});
