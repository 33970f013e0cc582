/**
 * As much of DER as a certificate request takes: each function gives one encoded element.
 * @see ITU-T X.690
 */
const SEQUENCE = 0x30;
const SET = 0x31;

export const sequence = (...parts: readonly Buffer[]): Buffer => element(SEQUENCE, Buffer.concat(parts));

export const set = (...parts: readonly Buffer[]): Buffer => element(SET, Buffer.concat(parts));

/** A small number that is not negative, up to 127. */
export const smallInteger = (value: number): Buffer => element(0x02, Buffer.from([value]));

export const octetString = (content: Buffer): Buffer => element(0x04, content);

/** Of whole bytes. */
export const bitString = (content: Buffer): Buffer => element(0x03, Buffer.concat([Buffer.from([0]), content]));

/** `[number]`, of parts or (as an implicit string) of plain bytes. */
export const tagged = (number: number, content: Buffer, kind: "constructed" | "primitive"): Buffer =>
  element((kind === "constructed" ? 0xa0 : 0x80) | number, content);

/** @param dotted e.g. `1.2.840.10045.4.3.2` */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const digits = [value % 128];
  for (let left = Math.floor(value / 128); left > 0; left = Math.floor(left / 128)) digits.unshift((left % 128) | 0x80);
  return digits;
}

function element(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, ...lengthOf(content.length)]), content]);
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left % 256);
  return [0x80 | bytes.length, ...bytes];
}
