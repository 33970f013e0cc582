import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { drawImage, withComment } from "../../cli/load/posture/image.ts";
import { EvenkeelError } from "../../common/errors.ts";
import { logger } from "../../common/log.ts";
import { loadSettings } from "../../common/settings.ts";
import { runJob } from "../../workloads/analyzer/job.ts";
import { type Connection, openConnection } from "../../workloads/analyzer/mqtt/connection.ts";
import { ANALYZER_COMMAND, type AnalyzerSettings, analyzerSettings } from "../../workloads/analyzer/settings.ts";
import { type Broker, startBroker } from "../../workloads/analyzer/testing/broker.ts";
import { rowsIn } from "../../workloads/analyzer/testing/job-under-test.ts";
import { printTable, round } from "./figures.ts";

const IMAGES = 400;
const DRAWINGS = 24;
const SIZE = { width: 640, height: 480 };
const WORKERS = [1, 2, 4] as const;
const LOOK_MS = 200;
const LONGEST_MS = 600_000;

/** Images a second of one analyser with 1, 2 and 4 workers: over a real broker, to the disk. */
export async function run(json: boolean): Promise<void> {
  const broker = await startBroker({ ackWaitSeconds: 60 });
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-bench-"));
  try {
    const found: { readonly workers: number; readonly perSecond: number }[] = [];
    for (const workers of WORKERS) {
      console.error(`· ${IMAGES} images, ${workers} workers`);
      found.push({ workers, perSecond: await measure(broker, folder, workers) });
    }
    printTable(
      ["workers", "images", "size", "images a second"],
      found.map(({ workers, perSecond }) => [workers, IMAGES, `${SIZE.width}x${SIZE.height}`, round(perSecond)]),
    );
    if (!json) return;
    const figures = found.map(({ workers, perSecond }) => [`images_per_second_${workers}_workers`, round(perSecond)]);
    console.log(JSON.stringify({ images: IMAGES, ...SIZE, ...Object.fromEntries(figures) }));
  } finally {
    await broker.remove();
    await rm(folder, { recursive: true, force: true });
  }
}

/** All images wait before the analyser begins; time counts from the first image's arrival to the last result. */
async function measure(broker: Broker, folder: string, workers: number): Promise<number> {
  const topic = `bench-${workers}`;
  const output = join(folder, topic);
  const settings = settingsFor(broker, topic, output, workers);
  const { access, clientId } = settings;
  const session = await openConnection({ ...access, clientId, clean: false, onMessage: () => undefined });
  await session.subscribe(topic);
  await session.close();
  const publisher = await openConnection({
    ...access,
    clientId: `${topic}-from`,
    clean: true,
    onMessage: () => undefined,
  });
  await publish(publisher, topic);
  await publisher.close();
  const log = logger("bench");
  log.level = "error";
  const stop = new AbortController();
  const job = runJob({ settings, stop: stop.signal, log });
  const deadline = performance.now() + LONGEST_MS;
  while ((await rowsIn(output)).length < IMAGES && performance.now() < deadline)
    await Promise.race([job, sleep(LOOK_MS)]);
  stop.abort();
  const { analysed } = await job;
  if (analysed !== IMAGES) throw new EvenkeelError("EK_TIMEOUT", `${analysed} of ${IMAGES} images were analysed`);
  const rows = await rowsIn(output);
  const began = Math.min(...rows.map(({ received_at }) => Date.parse(received_at)));
  const ended = Math.max(...rows.map(({ analysed_at }) => Date.parse(analysed_at)));
  return rows.length / ((ended - began) / 1000);
}

async function publish(publisher: Connection, topic: string): Promise<void> {
  const drawn = await Promise.all(Array.from({ length: DRAWINGS }, (_, index) => drawImage({ index, ...SIZE })));
  for (let index = 0; index < IMAGES; index += 1) {
    const { bytes } = drawn[index % DRAWINGS] as (typeof drawn)[number];
    await publisher.publish(topic, withComment(bytes, String(index)));
  }
}

function settingsFor(broker: Broker, topic: string, output: string, workers: number): AnalyzerSettings {
  const flags = {
    "mqtt-broker": `${broker.host}:${broker.port}`,
    "mqtt-topic": topic,
    "output-dir": output,
    "num-workers": String(workers),
    "idle-timeout": "none",
  };
  const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, value]);
  const loaded = loadSettings(ANALYZER_COMMAND, args, {});
  if (loaded.kind === "help") throw new EvenkeelError("EK_USAGE", "help was not asked for");
  return analyzerSettings(loaded.values, {});
}
