import { type FieldRules, fieldRules, NO_RULES, type RuleMap, unknownRule } from "./rule-set.ts";

/** How many items or entries there may be. */
export interface CountRules {
  readonly least: number;
  readonly most: number;
  /** None at all is fine, whatever `least` says. */
  readonly ignoreEmpty: boolean;
}

export interface ListRules {
  readonly counts: CountRules;
  readonly unique: boolean;
  readonly items: FieldRules;
}

export interface MapRules {
  readonly counts: CountRules;
  readonly keys: FieldRules;
  readonly values: FieldRules;
}

/** Rules of a repeated field. @throws EvenkeelError EK_RULE_UNKNOWN */
export function listRules(rules: FieldRules, where: string): ListRules {
  const map = rulesOfKind(rules, "repeated", ["min_items", "max_items", "unique", "items", "ignore_empty"], where);
  return {
    counts: countRules(map, "min_items", "max_items"),
    unique: map.get("unique") === true,
    items: nested(map, "items", where),
  };
}

/** Rules of a map field. @throws EvenkeelError EK_RULE_UNKNOWN */
export function mapRules(rules: FieldRules, where: string): MapRules {
  const map = rulesOfKind(rules, "map", ["min_pairs", "max_pairs", "keys", "values", "ignore_empty"], where);
  return {
    counts: countRules(map, "min_pairs", "max_pairs"),
    keys: nested(map, "keys", where),
    values: nested(map, "values", where),
  };
}

/** True when any number will do. */
export function isAnyCount(counts: CountRules): boolean {
  return counts.least === 0 && counts.most === Number.POSITIVE_INFINITY;
}

function rulesOfKind(rules: FieldRules, kind: string, known: readonly string[], where: string): RuleMap {
  if (rules.value === undefined) return new Map();
  if (rules.value.kind !== kind) unknownRule(`${rules.value.kind} of a ${kind} field`, where);
  for (const rule of rules.value.rules.keys()) if (!known.includes(rule)) unknownRule(`${kind}.${rule}`, where);
  return rules.value.rules;
}

function countRules(map: RuleMap, least: string, most: string): CountRules {
  return {
    least: Number(map.get(least) ?? 0),
    most: Number(map.get(most) ?? Number.POSITIVE_INFINITY),
    ignoreEmpty: map.get("ignore_empty") === true,
  };
}

function nested(map: RuleMap, name: string, where: string): FieldRules {
  const rules = map.get(name) as RuleMap | undefined;
  return rules === undefined ? NO_RULES : fieldRules(rules, where);
}
