import { type BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { Value } from "./checks.ts";
import { eachFieldUntil } from "./wire.ts";

/** One broken rule. `path` grows on the way back up, so that a message without faults builds none. */
export interface Fault {
  path: string;
  readonly wrong: string;
}

/** What one pass over a message counts, by slot: how often a field (or a oneof's fields) occurred. */
export interface Counts {
  readonly of: number[];
  readonly seen: Map<number, Set<Value>>;
}

/** Checks the value at the reader and leaves the reader behind it. */
export type Visit = (reader: BinaryReader, faults: Fault[]) => void;

export interface FieldPlan {
  readonly wire: WireType;
  /** The slots that count this field. */
  readonly slots: number[];
  readonly visit: (reader: BinaryReader, wire: WireType, counts: Counts, faults: Fault[]) => void;
  /** A repeated field whose values may come as one packed block. */
  readonly packable: boolean;
}

/** How to check one message type in one pass over its encoded bytes. Fields that no rule concerns are not in it. */
export interface Plan {
  readonly fields: ReadonlyMap<number, FieldPlan>;
  readonly slots: number;
  /** What can only be said once all fields have been seen. */
  readonly atEnd: readonly ((counts: Counts, faults: Fault[]) => void)[];
}

/**
 * Checks the message between the reader and `end`.
 * @throws Error when the bytes are no message
 */
export function check(plan: Plan, reader: BinaryReader, end: number, faults: Fault[]): void {
  const counts: Counts = { of: new Array<number>(plan.slots).fill(0), seen: new Map() };
  eachFieldUntil(reader, end, (number, wire) => {
    const field = plan.fields.get(number);
    if (field === undefined || (wire !== field.wire && !(field.packable && wire === WireType.LengthDelimited)))
      return false;
    for (const slot of field.slots) counts.of[slot] = (counts.of[slot] ?? 0) + 1;
    field.visit(reader, wire, counts, faults);
    return true;
  });
  for (const judge of plan.atEnd) judge(counts, faults);
}

/** Puts a field's name before the paths of the faults that were found below it. */
export function below(name: string, faults: Fault[], from: number): void {
  for (const fault of faults.slice(from)) fault.path = fault.path === "" ? name : `${name}.${fault.path}`;
}
