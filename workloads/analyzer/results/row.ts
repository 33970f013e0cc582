import { createHash } from "node:crypto";

/** The columns of the CSV file and of the table, in this order. */
export const COLUMNS = [
  "image_id",
  "topic",
  "received_at",
  "analysed_at",
  "status",
  "posture",
  "confidence",
  "reason",
  "width",
  "height",
  "bytes",
  "image_file",
  "estimator",
  "node",
  "pod",
] as const;

/** One image's result, as text; empty where it has none. */
export type Row = Readonly<Record<(typeof COLUMNS)[number], string>>;

/** Characters of an image's identifier: 128 of SHA-256's bits, in hexadecimal. */
export const ID_LENGTH = 32;

/**
 * What an image is known by: its topic and its bytes. MQTT gives a message no identity that outlives a connection, so the
 * same bytes to the same topic are the same image, however often and by whomever they are sent again.
 */
export function imageId(topic: string, image: Uint8Array): string {
  return createHash("sha256").update(topic).update("\0").update(image).digest("hex").slice(0, ID_LENGTH);
}
