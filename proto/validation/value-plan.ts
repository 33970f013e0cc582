import type { DescEnum, DescMessage, ScalarType } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { descriptors } from "../descriptors.ts";
import { type Check, compileChecks } from "./checks.ts";
import type { Visit } from "./plan.ts";
import { type FieldRules, type RuleMap, unknownRule } from "./rule-set.ts";
import { isUnruled } from "./unruled.ts";
import {
  ENUM_ON_WIRE,
  eachField,
  scalarName,
  scalarOnWire,
  TIME_ON_WIRE,
  type WireValue,
  wrapperOnWire,
} from "./wire.ts";

/** The type of a field's values, of a list's items, of a map's keys or values: exactly one of the three. */
export interface ValueType {
  readonly scalar?: ScalarType | undefined;
  readonly enum?: DescEnum | undefined;
  readonly message?: DescMessage | undefined;
}

/** How to check one value of a field, of a list or of a map. */
export interface ValuePlan {
  readonly wire: WireType;
  /** How to read it as a value; undefined for messages that are none. */
  readonly onWire: WireValue | undefined;
  /** Undefined: there is nothing to check. */
  readonly visit: Visit | undefined;
  /** What is wrong when it is not on the wire and that means zero. */
  readonly absent: readonly string[];
}

/**
 * Compiles the rules of one value.
 * @param descend makes the visit of a message below
 * @throws EvenkeelError EK_RULE_UNKNOWN
 */
export function valuePlan(
  type: ValueType,
  rules: FieldRules,
  where: string,
  descend: (message: DescMessage) => Visit,
): ValuePlan {
  const { message } = type;
  if (message !== undefined && message.typeName === "google.protobuf.Any")
    return messagePlan(anyVisit(rules, where, descend));
  const onWire = message === undefined ? plainOnWire(type) : messageOnWire(message, rules);
  if (onWire !== undefined) return plainPlan(onWire, valueCheck(type, onWire, rules, where));
  if (rules.value !== undefined) unknownRule(`${rules.value.kind} of a message`, where);
  return messagePlan(message === undefined || rules.skip || isUnruled(message) ? undefined : descend(message));
}

function messagePlan(visit: Visit | undefined): ValuePlan {
  return { wire: WireType.LengthDelimited, onWire: undefined, visit, absent: [] };
}

function plainPlan(onWire: WireValue, check: Check | undefined): ValuePlan {
  if (check === undefined) return { wire: onWire.wire, onWire, visit: undefined, absent: [] };
  const visit: Visit = (reader, faults) => {
    for (const wrong of check(onWire.read(reader))) faults.push({ path: "", wrong });
  };
  return { wire: onWire.wire, onWire, visit, absent: check(onWire.zero) };
}

function plainOnWire(type: ValueType): WireValue | undefined {
  return type.scalar === undefined ? ENUM_ON_WIRE : scalarOnWire(type.scalar);
}

/** Times and wrapped scalars are values only when rules speak of them so. */
function messageOnWire(message: DescMessage, rules: FieldRules): WireValue | undefined {
  if (rules.value === undefined) return undefined;
  const name = message.typeName;
  if (name === "google.protobuf.Duration" || name === "google.protobuf.Timestamp") return TIME_ON_WIRE;
  return wrapperOnWire(message);
}

function valueCheck(type: ValueType, onWire: WireValue, rules: FieldRules, where: string): Check | undefined {
  if (rules.value === undefined) return undefined;
  const { kind } = rules.value;
  if (kind !== kindOf(type)) unknownRule(`${kind} of a ${kindOf(type)}`, where);
  const own = new Map(rules.value.rules);
  const definedOnly = own.get("defined_only") === true;
  own.delete("defined_only");
  const check = own.size === 0 ? undefined : compileChecks(kind, own, onWire.zero, where);
  if (!definedOnly || type.enum === undefined) return check;
  const { value: defined, typeName } = type.enum;
  return (value) => [
    ...(defined[Number(value)] === undefined ? [`is ${value}, which ${typeName} does not define`] : []),
    ...(check?.(value) ?? []),
  ];
}

/** The name under which validate.proto states rules for a type. */
function kindOf({ scalar, message }: ValueType): string {
  if (scalar !== undefined) return scalarName(scalar);
  if (message === undefined) return "enum";
  if (message.typeName === "google.protobuf.Duration") return "duration";
  if (message.typeName === "google.protobuf.Timestamp") return "timestamp";
  return scalarName(message.fields[0]?.scalar as ScalarType);
}

/** Looks into an Any when its type is one of ours; what others put into it is theirs to check. */
function anyVisit(rules: FieldRules, where: string, descend: (message: DescMessage) => Visit): Visit {
  const check = anyCheck(rules, where);
  return (reader, faults) => {
    let typeUrl = "";
    let value: Uint8Array | undefined;
    eachField(reader, (number, wire) => {
      if (wire !== WireType.LengthDelimited) return false;
      if (number === 1) typeUrl = reader.string();
      // Kept with its length before it, as `descend` wants it.
      else if (number === 2) value = reader.skip(wire);
      else return false;
      return true;
    });
    for (const wrong of check(typeUrl)) faults.push({ path: "type_url", wrong });
    const message = descriptors().getMessage(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
    if (message !== undefined) descend(message)(new BinaryReader(value ?? EMPTY), faults);
  };
}

/** An empty message with its length before it. */
const EMPTY = new Uint8Array(1);

function anyCheck(rules: FieldRules, where: string): Check {
  if (rules.value === undefined) return () => [];
  if (rules.value.kind !== "any") unknownRule(`${rules.value.kind} of an Any`, where);
  // `in` and `not_in` list type URLs.
  return compileChecks("string", rules.value.rules satisfies RuleMap, "", where);
}
