import { type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { Value } from "./checks.ts";

/** How values of one protobuf type lie on the wire. */
export interface WireValue {
  readonly wire: WireType;
  /** Reads one value; the tag has been read. */
  readonly read: (reader: BinaryReader) => Value;
  /** What an absent field without presence is. */
  readonly zero: Value;
}

/** Numbers on the wire, and what a repeated field may pack: all but texts, bytes and messages. */
export function isPackable(value: WireValue): boolean {
  return value.wire !== WireType.LengthDelimited;
}

export const ENUM_ON_WIRE: WireValue = { wire: WireType.Varint, read: (reader) => reader.int32(), zero: 0 };

export function scalarOnWire(type: ScalarType): WireValue {
  return SCALARS[type];
}

const { Varint, Bit32, Bit64, LengthDelimited } = WireType;

const SCALARS: Readonly<Record<ScalarType, WireValue>> = {
  [ScalarType.DOUBLE]: { wire: Bit64, read: (reader) => reader.double(), zero: 0 },
  [ScalarType.FLOAT]: { wire: Bit32, read: (reader) => reader.float(), zero: 0 },
  [ScalarType.INT64]: { wire: Varint, read: (reader) => BigInt(reader.int64()), zero: 0n },
  [ScalarType.UINT64]: { wire: Varint, read: (reader) => BigInt(reader.uint64()), zero: 0n },
  [ScalarType.SINT64]: { wire: Varint, read: (reader) => BigInt(reader.sint64()), zero: 0n },
  [ScalarType.FIXED64]: { wire: Bit64, read: (reader) => BigInt(reader.fixed64()), zero: 0n },
  [ScalarType.SFIXED64]: { wire: Bit64, read: (reader) => BigInt(reader.sfixed64()), zero: 0n },
  [ScalarType.INT32]: { wire: Varint, read: (reader) => reader.int32(), zero: 0 },
  [ScalarType.UINT32]: { wire: Varint, read: (reader) => reader.uint32(), zero: 0 },
  [ScalarType.SINT32]: { wire: Varint, read: (reader) => reader.sint32(), zero: 0 },
  [ScalarType.FIXED32]: { wire: Bit32, read: (reader) => reader.fixed32(), zero: 0 },
  [ScalarType.SFIXED32]: { wire: Bit32, read: (reader) => reader.sfixed32(), zero: 0 },
  [ScalarType.BOOL]: { wire: Varint, read: (reader) => reader.bool(), zero: false },
  [ScalarType.STRING]: { wire: LengthDelimited, read: (reader) => reader.string(true), zero: "" },
  [ScalarType.BYTES]: { wire: LengthDelimited, read: (reader) => reader.bytes(), zero: new Uint8Array() },
};

/** The rules' name of a scalar type, which is protobuf's: `uint32`. */
export function scalarName(type: ScalarType): string {
  return ScalarType[type].toLowerCase();
}

/** `google.protobuf.UInt32Value` and its like, read as the value inside; undefined for all other messages. */
export function wrapperOnWire(message: DescMessage): WireValue | undefined {
  const inner = message.fields[0];
  if (!/^google\.protobuf\.\w+Value$/.test(message.typeName) || inner?.fieldKind !== "scalar") return undefined;
  if (message.fields.length !== 1) return undefined;
  const { wire, read, zero } = scalarOnWire(inner.scalar);
  return {
    wire: LengthDelimited,
    zero,
    read: (reader) => {
      let value = zero;
      eachField(reader, (number, wireType) => {
        if (number !== 1 || wireType !== wire) return false;
        value = read(reader);
        return true;
      });
      return value;
    },
  };
}

/** A `google.protobuf.Duration` or `Timestamp`, read as nanoseconds. */
export const TIME_ON_WIRE: WireValue = {
  wire: LengthDelimited,
  zero: 0n,
  read: (reader) => {
    let seconds = 0n;
    let nanos = 0;
    eachField(reader, (number, wireType) => {
      if (wireType !== Varint) return false;
      if (number === 1) seconds = BigInt(reader.int64());
      else if (number === 2) nanos = reader.int32();
      else return false;
      return true;
    });
    return seconds * 1_000_000_000n + BigInt(nanos);
  },
};

/**
 * Reads a message that stands at the reader with its length before it; what `take` refuses is skipped.
 * @throws RangeError when a field goes past the message's end
 */
export function eachField(reader: BinaryReader, take: (number: number, wire: WireType) => boolean): void {
  const length = reader.uint32();
  eachFieldUntil(reader, reader.pos + length, take);
}

/** The same for a message whose end is known. */
export function eachFieldUntil(
  reader: BinaryReader,
  end: number,
  take: (number: number, wire: WireType) => boolean,
): void {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (!take(tag >>> 3, tag & 7)) reader.skip(tag & 7, tag >>> 3);
  }
  if (reader.pos !== end) throw new RangeError("a field goes past the end of its message");
}
