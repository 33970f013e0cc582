import type { DescField, DescMessage, DescOneof, Message } from "@bufbuild/protobuf";
import { getOption, hasOption } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { EvenkeelError } from "../../common/errors.ts";
import { descriptors } from "../descriptors.ts";

/**
 * A message of validate.proto as a map: only what is set, by field name. Lists are arrays, times are nanoseconds
 * (bigint), other messages are maps again.
 */
export type RuleMap = ReadonlyMap<string, unknown>;

/** What a field's rules say, taken apart: about presence, and about the value. */
export interface FieldRules {
  /** `message.required`, or `required` of a duration, timestamp or Any. */
  readonly required: boolean;
  /** `message.skip`: the message below is not looked into. */
  readonly skip: boolean;
  /** The rules of the value, e.g. kind `uint32`; without `required`. */
  readonly value: { readonly kind: string; readonly rules: RuleMap } | undefined;
}

export const NO_RULES: FieldRules = { required: false, skip: false, value: undefined };

/** @throws EvenkeelError EK_RULE_UNKNOWN: a rule that is not checked would be a promise not kept */
export function unknownRule(rule: string, where: string): never {
  throw new EvenkeelError("EK_RULE_UNKNOWN", `rule ${rule} is not known`, { where });
}

/** The rules stated for a field; undefined when there are none. */
export function rulesOf(field: DescField): FieldRules | undefined {
  const extension = extensionOf("validate.rules");
  if (!hasOption(field, extension)) return undefined;
  const desc = descriptors().getMessage("validate.FieldRules") as DescMessage;
  // An extension of message type has a message as its value.
  const message = getOption(field, extension) as Message;
  return fieldRules(toMap(reflect(desc, message), field.toString()), field.toString());
}

export function isRequired(oneof: DescOneof): boolean {
  const extension = extensionOf("validate.required");
  return hasOption(oneof, extension) && getOption(oneof, extension) === true;
}

/** The message says that none of its own rules count. */
export function isDisabled(message: DescMessage): boolean {
  const extension = extensionOf("validate.disabled");
  return hasOption(message, extension) && getOption(message, extension) === true;
}

/** Takes a `validate.FieldRules` apart, which also stands inside others as `items`, `keys` and `values`. */
export function fieldRules(map: RuleMap, where: string): FieldRules {
  let required = false;
  let skip = false;
  let value: FieldRules["value"];
  for (const [kind, content] of map) {
    const rules = new Map(content as RuleMap);
    if (rules.get("required") === true) required = true;
    rules.delete("required");
    if (kind === "message") {
      skip = rules.get("skip") === true;
      rules.delete("skip");
      for (const rule of rules.keys()) unknownRule(`message.${rule}`, where);
    } else if (rules.size > 0) value = { kind, rules };
  }
  return { required, skip, value };
}

function extensionOf(name: string) {
  const extension = descriptors().getExtension(name);
  if (extension === undefined) throw new EvenkeelError("EK_GENERATE_FAILED", `validate.proto has no ${name}`);
  return extension;
}

function toMap(message: ReflectMessage, where: string): RuleMap {
  for (const field of message.getUnknown() ?? []) unknownRule(`number ${field.no} of ${message.desc.typeName}`, where);
  const map = new Map<string, unknown>();
  for (const field of message.fields) {
    if (!message.isSet(field)) continue;
    const value = message.get(field);
    map.set(field.name, field.fieldKind === "list" ? [...(value as Iterable<unknown>)].map(plain) : plain(value));
  }
  return map;

  function plain(value: unknown): unknown {
    if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
    const nested = value as ReflectMessage;
    const { typeName } = nested.desc;
    if (typeName !== "google.protobuf.Duration" && typeName !== "google.protobuf.Timestamp")
      return toMap(nested, where);
    const { seconds, nanos } = nested.message as Message & { seconds: bigint; nanos: number };
    return seconds * 1_000_000_000n + BigInt(nanos);
  }
}
