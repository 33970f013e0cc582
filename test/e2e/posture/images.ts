import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { drawImage, withComment } from "../../../cli/load/posture/image.ts";
import { openConnection } from "../../../workloads/analyzer/mqtt/connection.ts";
import { imageId } from "../../../workloads/analyzer/results/row.ts";
import { BROKER } from "./broker.ts";
import type { Place } from "./place.ts";

/** Figures that are drawn; the images are these with a comment each, and so all different. */
const DRAWINGS = 4;
const SIZE = { width: 800, height: 600 };
let drawn: Promise<readonly Buffer[]> | undefined;

/**
 * Sends different images to some topics in turn, and waits until the broker has them.
 * @param analysers the numbers of those whose topics they go to
 * @returns the images' identifiers
 */
export async function sendImages(place: Place, count: number, analysers: readonly number[]): Promise<string[]> {
  drawn ??= Promise.all(
    Array.from({ length: DRAWINGS }, async (_, index) => (await drawImage({ index, ...SIZE })).bytes),
  );
  const drawings = await drawn;
  const forward = await place.rig.forward(BROKER);
  try {
    const { host, port } = forward;
    const clientId = `e2e-${randomUUID()}`;
    const pem = (name: string) => readFileSync(join(place.brokerSecret, name), "utf8");
    const tls = { ca: pem("ca.crt"), cert: pem("tls.crt"), key: pem("tls.key") };
    const connection = await openConnection({ host, port, tls, clientId, clean: true, onMessage: () => undefined });
    const ids: string[] = [];
    for (let index = 0; index < count; index += 1) {
      const topic = `images/${analysers[index % analysers.length]}/door`;
      const image = withComment(drawings[index % DRAWINGS] as Buffer, randomUUID());
      await connection.publish(topic, image);
      ids.push(imageId(topic, image));
    }
    await connection.close();
    return ids;
  } finally {
    await forward.close();
  }
}
