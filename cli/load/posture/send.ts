import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type Connection, openConnection } from "../../../workloads/analyzer/mqtt/connection.ts";
import type { BrokerAccess } from "../../../workloads/analyzer/mqtt-settings.ts";
import { imageId } from "../../../workloads/analyzer/results/row.ts";
import { drawImage, type LoadImage, withComment } from "./image.ts";
import { type PostureFigures, Tally } from "./tally.ts";

/** Figures that are drawn; more images than these are the same ones with another comment. */
const DRAWINGS = 36;
const LOOK_MS = 20;

export interface PostureLoad {
  readonly access: BrokerAccess;
  readonly total: number;
  /** Images a second. */
  readonly rate: number;
  /** `PREFIX/0`, `PREFIX/1` … in turn. */
  readonly prefix: string;
  readonly topics: number;
  readonly width: number;
  readonly height: number;
  readonly resultTopic: string;
  /** How long results are awaited after the last image, in milliseconds. */
  readonly waitMs: number;
  readonly interrupted: AbortSignal;
}

/**
 * Sends images at a rate, however slow the results are, and waits for these.
 * @throws EvenkeelError EK_BROKER_UNREACHABLE, EK_BROKER_REFUSED
 */
export async function sendImages(load: PostureLoad): Promise<PostureFigures> {
  const { access, total, width, height, resultTopic } = load;
  const tally = new Tally();
  const results = await openConnection({
    ...access,
    clientId: randomUUID(),
    clean: true,
    onMessage(message) {
      tally.result(Buffer.from(message.payload).toString(), performance.now());
      message.acknowledge();
    },
  });
  try {
    await results.subscribe(resultTopic);
    const images: LoadImage[] = [];
    for (let index = 0; index < Math.min(total, DRAWINGS); index += 1)
      images.push(await drawImage({ index, width, height }));
    // A connection of its own: results must not wait behind images.
    const publisher = await openConnection({
      ...access,
      clientId: randomUUID(),
      clean: true,
      onMessage: () => undefined,
    });
    try {
      const lost = lostSignal([results, publisher]);
      const ended = AbortSignal.any([load.interrupted, lost]);
      await sendAll(load, images, publisher, tally, ended);
      const deadline = performance.now() + load.waitMs;
      while (tally.waiting > 0 && performance.now() < deadline && !ended.aborted) await sleep(LOOK_MS);
      // What still waits waits in vain; figures would blame the analysers for it.
      if (tally.waiting > 0) lost.throwIfAborted();
    } finally {
      await publisher.close();
    }
    return tally.figures();
  } finally {
    await results.close();
  }
}

/** Aborted with the fault of the first connection that ends. */
function lostSignal(connections: readonly Connection[]): AbortSignal {
  const controller = new AbortController();
  for (const { closed } of connections) void closed.then((fault) => controller.abort(fault));
  return controller.signal;
}

async function sendAll(
  load: PostureLoad,
  images: readonly LoadImage[],
  publisher: Connection,
  tally: Tally,
  ended: AbortSignal,
): Promise<void> {
  const run = randomUUID();
  const began = performance.now();
  const sending: Promise<void>[] = [];
  for (let index = 0; index < load.total; index += 1) {
    const due = began + (index * 1000) / load.rate;
    await sleep(Math.max(0, due - performance.now()), undefined, { signal: ended }).catch(() => undefined);
    if (ended.aborted) break;
    const { bytes, posture } = images[index % images.length] as LoadImage;
    const topic = `${load.prefix}/${index % load.topics}`;
    const image = withComment(bytes, `${run} ${index}`);
    const id = imageId(topic, image);
    tally.sent(id, posture, performance.now());
    sending.push(
      publisher.publish(topic, image).then(
        () => tally.accepted(id),
        // The figures tell how many the broker did not take.
        () => undefined,
      ),
    );
  }
  await Promise.all(sending);
}
