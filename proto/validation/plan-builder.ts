import type { DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { type BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import type { Value } from "./checks.ts";
import { type CountRules, isAnyCount, listRules, mapRules } from "./container-rules.ts";
import { below, type Counts, check, type Fault, type FieldPlan, type Plan, type Visit } from "./plan.ts";
import { type FieldRules, isDisabled, isRequired, NO_RULES, rulesOf, unknownRule } from "./rule-set.ts";
import { type ValuePlan, valuePlan } from "./value-plan.ts";
import { eachField, isPackable, scalarOnWire, type WireValue } from "./wire.ts";

/** `FeatureSet.FieldPresence.IMPLICIT`: absent and zero are the same. */
const IMPLICIT = 2;

const plans = new Map<DescMessage, Plan>();

/** The plan of a message type, compiled when first asked for. */
export function planOf(message: DescMessage): Plan {
  let plan = plans.get(message);
  if (plan === undefined) {
    plan = new PlanBuilder(message).build();
    plans.set(message, plan);
  }
  return plan;
}

class PlanBuilder {
  readonly #message: DescMessage;
  readonly #fields = new Map<number, FieldPlan>();
  readonly #atEnd: ((counts: Counts, faults: Fault[]) => void)[] = [];
  #slots = 0;

  constructor(message: DescMessage) {
    this.#message = message;
  }

  build(): Plan {
    if (!isDisabled(this.#message)) {
      for (const field of this.#message.fields) this.#field(field, rulesOf(field) ?? NO_RULES);
      for (const oneof of this.#message.oneofs) if (isRequired(oneof)) this.#requiredOneof(oneof);
    }
    return { fields: this.#fields, slots: this.#slots, atEnd: this.#atEnd };
  }

  #field(field: DescField, rules: FieldRules): void {
    if (field.fieldKind === "list") this.#list(field, rules);
    else if (field.fieldKind === "map") this.#map(field, rules);
    else this.#single(field, rules);
  }

  #single(field: DescField & { fieldKind: "scalar" | "enum" | "message" }, rules: FieldRules): void {
    const value = valuePlan(field, rules, field.toString(), descend);
    const implicit = field.fieldKind !== "message" && field.presence === IMPLICIT;
    // A member of a oneof is required only as much as the oneof is.
    const required = rules.required && field.oneof === undefined;
    const missing = required ? ["is required"] : implicit ? value.absent : [];
    if (value.visit === undefined && missing.length === 0) return;
    const plan = this.#plan(field, value.wire, (reader, _wire, _counts, faults) => {
      const from = faults.length;
      visitOrSkip(value, reader, faults);
      if (faults.length > from) below(field.name, faults, from);
    });
    if (missing.length > 0) this.#missing(field.name, missing, [plan]);
  }

  #list(field: DescField & { fieldKind: "list" }, rules: FieldRules): void {
    const { items, unique, counts: wanted } = listRules(rules, field.toString());
    const value = valuePlan(field, items, field.toString(), descend);
    if (value.visit === undefined && isAnyCount(wanted) && !unique) return;
    const index = this.#slots++;
    const { onWire } = value;
    if (unique && (onWire === undefined || onWire.zero instanceof Uint8Array))
      unknownRule("repeated.unique of messages or bytes", field.toString());
    const one = (reader: BinaryReader, counts: Counts, faults: Fault[]) => {
      const from = faults.length;
      const at = counts.of[index] ?? 0;
      counts.of[index] = at + 1;
      if (unique && onWire !== undefined) noteUnique(onWire, reader, index, counts, faults);
      visitOrSkip(value, reader, faults);
      if (faults.length > from) below(`${field.name}[${at}]`, faults, from);
    };
    this.#plan(
      field,
      value.wire,
      (reader, wire, counts, faults) => {
        if (wire === value.wire) return one(reader, counts, faults);
        const end = reader.uint32() + reader.pos;
        while (reader.pos < end) one(reader, counts, faults);
      },
      onWire !== undefined && isPackable(onWire),
    );
    this.#counted(field.name, index, "items", wanted);
  }

  #map(field: DescField & { fieldKind: "map" }, rules: FieldRules): void {
    const { keys, values, counts: wanted } = mapRules(rules, field.toString());
    const key = valuePlan({ scalar: field.mapKey }, keys, field.toString(), descend);
    const value = valuePlan(field, values, field.toString(), descend);
    if (key.visit === undefined && value.visit === undefined && isAnyCount(wanted)) return;
    const keyOnWire = scalarOnWire(field.mapKey);
    const index = this.#slots++;
    this.#plan(field, WireType.LengthDelimited, (reader, _wire, counts, faults) => {
      const from = faults.length;
      counts.of[index] = (counts.of[index] ?? 0) + 1;
      let name = keyOnWire.zero;
      let keyFaults = key.absent.map((wrong): Fault => ({ path: "", wrong }));
      let hasValue = false;
      eachField(reader, (number, wire) => {
        if (number === 1 && wire === key.wire) {
          name = peek(keyOnWire, reader);
          keyFaults = [];
          visitOrSkip(key, reader, keyFaults);
        } else if (number === 2 && wire === value.wire) {
          hasValue = true;
          visitOrSkip(value, reader, faults);
        } else return false;
        return true;
      });
      if (!hasValue) for (const wrong of value.absent) faults.push({ path: "", wrong });
      for (const { wrong } of keyFaults) faults.push({ path: "", wrong: `key ${wrong}` });
      if (faults.length > from) below(`${field.name}[${JSON.stringify(String(name))}]`, faults, from);
    });
    this.#counted(field.name, index, "entries", wanted);
  }

  #requiredOneof(oneof: DescOneof): void {
    const members = oneof.fields.map(
      (field) =>
        this.#fields.get(field.number) ??
        // No rule of its own, so it is not in the plan yet: it is counted and skipped.
        this.#plan(
          field,
          valuePlan(field, NO_RULES, field.toString(), descend).wire,
          (reader, wire) => void reader.skip(wire),
        ),
    );
    this.#missing(oneof.name, [`is required: one of ${oneof.fields.map((field) => field.name).join(", ")}`], members);
  }

  #plan(field: DescField, wire: WireType, visit: FieldPlan["visit"], packable = false): FieldPlan {
    const plan: FieldPlan = { wire, slots: [], visit, packable };
    this.#fields.set(field.number, plan);
    return plan;
  }

  /** What to say at the end when none of `fields` occurred. */
  #missing(path: string, wrongs: readonly string[], fields: readonly FieldPlan[]): void {
    const slot = this.#slots++;
    for (const field of fields) field.slots.push(slot);
    this.#atEnd.push((counts, faults) => {
      if (counts.of[slot] === 0) for (const wrong of wrongs) faults.push({ path, wrong });
    });
  }

  #counted(path: string, slot: number, what: string, wanted: CountRules): void {
    if (isAnyCount(wanted)) return;
    const { least, most, ignoreEmpty } = wanted;
    this.#atEnd.push((counts, faults) => {
      const count = counts.of[slot] ?? 0;
      if (count === 0 && ignoreEmpty) return;
      if (count < least) faults.push({ path, wrong: `has ${count} ${what}, must have at least ${least}` });
      if (count > most) faults.push({ path, wrong: `has ${count} ${what}, must have at most ${most}` });
    });
  }
}

/** A message below: its plan is looked up when it is first met, for types may contain themselves. */
function descend(message: DescMessage): Visit {
  return (reader, faults) => {
    const end = reader.uint32() + reader.pos;
    check(planOf(message), reader, end, faults);
  };
}

function visitOrSkip(value: ValuePlan, reader: BinaryReader, faults: Fault[]): void {
  if (value.visit === undefined) reader.skip(value.wire);
  else value.visit(reader, faults);
}

/** Reads the value at the reader, which stays where it is. */
function peek(onWire: WireValue, reader: BinaryReader): Value {
  const start = reader.pos;
  const value = onWire.read(reader);
  reader.pos = start;
  return value;
}

/** Remembers the value at the reader for `unique`. */
function noteUnique(onWire: WireValue, reader: BinaryReader, slot: number, counts: Counts, faults: Fault[]): void {
  const value = peek(onWire, reader);
  const seen = counts.seen.get(slot) ?? new Set();
  if (seen.has(value)) faults.push({ path: "", wrong: "occurs twice" });
  counts.seen.set(slot, seen.add(value));
}
