/** The kinds of image that are analysed. */
export type ImageKind = "JPEG" | "PNG" | "WebP";

/** What is often sent by mistake, by its first bytes: a reason for a person. */
const OTHERS: readonly (readonly [start: string, name: string])[] = [
  ["%PDF", "a PDF document"],
  ["GIF8", "a GIF image"],
  ["PK\x03\x04", "a ZIP archive or office document"],
  ["BM", "a BMP image"],
  ["II*\0", "a TIFF image"],
  ["MM\0*", "a TIFF image"],
  ["<svg", "an SVG drawing"],
  ["<?xml", "an XML document"],
  ["<!DOCTYPE", "an HTML document"],
  ["{", "JSON text"],
];

/**
 * Tells the kind of an image by its first bytes, whatever its name says.
 * @throws Error whose message is the reason why it is none of ours
 */
export function imageKind(bytes: Uint8Array): ImageKind {
  if (bytes.length === 0) throw new Error("the message is empty");
  const start = Buffer.from(bytes.subarray(0, 16)).toString("latin1");
  if (start.startsWith("\xff\xd8\xff")) return "JPEG";
  if (start.startsWith("\x89PNG\r\n\x1a\n")) return "PNG";
  if (start.startsWith("RIFF") && start.slice(8, 12) === "WEBP") return "WebP";
  const other = OTHERS.find(([magic]) => start.startsWith(magic));
  throw new Error(`${other === undefined ? "unknown bytes" : other[1]}, not a JPEG, PNG or WebP image`);
}
