import { FORMATS, type Format, knownRegex } from "./formats.ts";
import { type RuleMap, unknownRule } from "./rule-set.ts";

/** A field's value. Durations and timestamps are nanoseconds. */
export type Value = string | number | bigint | boolean | Uint8Array;

/** Says what is wrong with a value, continuing "FIELD …"; nothing when it keeps the rules. */
export type Check = (value: Value) => readonly string[];

type One<V> = (value: V) => string | undefined;
/** Makes the check of one rule out of the rule's operand. */
type Maker<V> = (operand: never) => One<V>;
type Makers<V> = Readonly<Record<string, Maker<V>>>;
type Ordered = number | bigint;
type Show<V> = (value: V) => string;

const SHOWN_CHARACTERS = 80;

const showNumber: Show<Ordered> = (value) => String(value);
const showTime: Show<Ordered> = (nanos) => `${Number(nanos) / 1e9} s`;
const showText: Show<string> = (text) =>
  JSON.stringify(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text);
const showBytes: Show<Uint8Array> = (bytes) => `${bytes.length} bytes`;

/** A check that is passed when `test` holds; a NaN holds against no bound and so breaks each. */
function must<V>(show: Show<V>, test: (value: V) => boolean, wanted: string): One<V> {
  return (value) => (test(value) ? undefined : `is ${show(value)}, must be ${wanted}`);
}

function equality<V>(show: Show<V>, same: (a: V, b: V) => boolean): Makers<V> {
  return {
    const: (only: V) => must(show, (value) => same(value, only), show(only)),
    in: (all: readonly V[]) =>
      must(show, (value) => all.some((one) => same(value, one)), `one of ${all.map(show).join(", ")}`),
    not_in: (none: readonly V[]) =>
      must(show, (value) => !none.some((one) => same(value, one)), `none of ${none.map(show).join(", ")}`),
  };
}

function ordered(show: Show<Ordered>): Makers<Ordered> {
  return {
    ...equality(show, (a, b) => a === b),
    lt: (bound: Ordered) => must(show, (value) => value < bound, `less than ${show(bound)}`),
    lte: (bound: Ordered) => must(show, (value) => value <= bound, `at most ${show(bound)}`),
    gt: (bound: Ordered) => must(show, (value) => value > bound, `more than ${show(bound)}`),
    gte: (bound: Ordered) => must(show, (value) => value >= bound, `at least ${show(bound)}`),
  };
}

/** Characters are code points, as in protobuf's other languages, not UTF-16 units. */
function characters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

const utf8Length = (text: string) => Buffer.byteLength(text, "utf8");

function size<V>(what: string, measure: (value: V) => number) {
  const wrong = (value: V, wanted: string) => `has ${measure(value)} ${what}, must have ${wanted}`;
  return {
    exactly: (n: bigint) => (value: V) => (measure(value) === Number(n) ? undefined : wrong(value, `${n}`)),
    atLeast: (n: bigint) => (value: V) => (measure(value) >= Number(n) ? undefined : wrong(value, `at least ${n}`)),
    atMost: (n: bigint) => (value: V) => (measure(value) <= Number(n) ? undefined : wrong(value, `at most ${n}`)),
  };
}

const inCharacters = size("characters", characters);
const inUtf8 = size("bytes", utf8Length);
const inBytes = size("bytes", (bytes: Uint8Array) => bytes.length);

const STRING: Makers<string> = {
  ...equality(showText, (a, b) => a === b),
  len: inCharacters.exactly,
  min_len: inCharacters.atLeast,
  max_len: inCharacters.atMost,
  len_bytes: inUtf8.exactly,
  min_bytes: inUtf8.atLeast,
  max_bytes: inUtf8.atMost,
  // RE2's syntax. What it has and JavaScript has not makes `new RegExp` throw, and that when the rules are read.
  pattern: (pattern: string) => {
    const regex = new RegExp(pattern, "u");
    return must(showText, (text) => regex.test(text), `of the pattern ${pattern}`);
  },
  prefix: (prefix: string) => must(showText, (text) => text.startsWith(prefix), `led by ${showText(prefix)}`),
  suffix: (suffix: string) => must(showText, (text) => text.endsWith(suffix), `ended by ${showText(suffix)}`),
  contains: (part: string) => must(showText, (text) => text.includes(part), `a text with ${showText(part)} in it`),
  not_contains: (part: string) =>
    must(showText, (text) => !text.includes(part), `a text without ${showText(part)} in it`),
};

const BYTES: Makers<Uint8Array> = {
  ...equality(showBytes, (a, b) => Buffer.compare(a, b) === 0),
  len: inBytes.exactly,
  min_len: inBytes.atLeast,
  max_len: inBytes.atMost,
};

const BOOL: Makers<boolean> = { const: equality<boolean>(String, (a, b) => a === b).const as Maker<boolean> };
/** `defined_only` needs the enum and is checked where that is known. */
const ENUM: Makers<Ordered> = equality(showNumber, (a, b) => a === b);
const NUMBER = ordered(showNumber);
const TIME = ordered(showTime);

const MAKERS: Readonly<Record<string, Makers<never>>> = {
  string: STRING,
  bytes: BYTES,
  bool: BOOL,
  enum: ENUM,
  duration: TIME,
  timestamp: TIME,
  ...Object.fromEntries(
    ["float", "double", "int32", "int64", "uint32", "uint64", "sint32", "sint64"].map((kind) => [kind, NUMBER]),
  ),
  ...Object.fromEntries(["fixed32", "fixed64", "sfixed32", "sfixed64"].map((kind) => [kind, NUMBER])),
};

/**
 * Compiles the rules of one value.
 * @param kind the field of `validate.FieldRules` that states them, e.g. `uint32`
 * @param zero the value of the type that `ignore_empty` lets pass
 * @param where the field, for errors
 * @throws EvenkeelError EK_RULE_UNKNOWN
 */
export function compileChecks(kind: string, rules: RuleMap, zero: Value, where: string): Check {
  const makers = MAKERS[kind];
  if (makers === undefined) unknownRule(kind, where);
  const checks: One<Value>[] = [];
  const bounds: One<Value>[] = [];
  for (const [rule, operand] of rules) {
    if (rule === "ignore_empty" || rule === "strict") continue;
    const make = makers[rule];
    if (make !== undefined) (BOUNDS.has(rule) ? bounds : checks).push(make(operand as never) as One<Value>);
    else if (kind === "string") checks.push(formatCheck(rule, operand, rules, where) as One<Value>);
    else unknownRule(`${kind}.${rule}`, where);
  }
  if (isOutside(rules)) checks.push(either(bounds));
  else checks.push(...bounds);
  const ignoreEmpty = rules.get("ignore_empty") === true;
  return (value) => (ignoreEmpty && isZero(value, zero) ? KEPT : broken(checks, value));
}

const KEPT: readonly string[] = [];

/** Nearly always nothing is wrong, and then nothing is allocated. */
function broken(checks: readonly One<Value>[], value: Value): readonly string[] {
  let all: string[] | undefined;
  for (const check of checks) {
    const wrong = check(value);
    if (wrong === undefined) continue;
    all ??= [];
    all.push(wrong);
  }
  return all ?? KEPT;
}

function formatCheck(rule: string, operand: unknown, rules: RuleMap, where: string): One<string> {
  const format: Format | undefined =
    rule === "well_known_regex" ? knownRegex(operand as number, rules.get("strict") !== false) : FORMATS[rule];
  if (format === undefined) unknownRule(`string.${rule}`, where);
  return must(showText, format.matches, format.is);
}

const BOUNDS: ReadonlySet<string> = new Set(["lt", "lte", "gt", "gte"]);

/** A lower bound above the upper one means: not between the two. Envoy says so of QUIC's `max_interval`. */
function isOutside(rules: RuleMap): boolean {
  const lower = (rules.get("gt") ?? rules.get("gte")) as Ordered | undefined;
  const upper = (rules.get("lt") ?? rules.get("lte")) as Ordered | undefined;
  return lower !== undefined && upper !== undefined && lower > upper;
}

function either(bounds: readonly One<Value>[]): One<Value> {
  return (value) => {
    const wrongs = bounds.map((bound) => bound(value));
    return wrongs.includes(undefined) ? undefined : wrongs.join(", or ");
  };
}

function isZero(value: Value, zero: Value): boolean {
  return value instanceof Uint8Array ? value.length === 0 : value === zero;
}
