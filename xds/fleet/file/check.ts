import type { z } from "zod";
import type { Fault, LocatedYaml, Path } from "./located-yaml.ts";

const TYPES: Readonly<Record<string, string>> = {
  string: "a text (put it in quotes)",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a map",
};

/** Gathers what is wrong in a file, so that all of it is told at once. */
export class Faults {
  readonly #found: Fault[] = [];
  readonly #yaml: LocatedYaml;

  constructor(yaml: LocatedYaml) {
    this.#yaml = yaml;
  }

  /** What was found, in the file's order. */
  get sorted(): readonly Fault[] {
    return this.#found.toSorted((a, b) => a.line - b.line || a.column - b.column);
  }

  /** @param what continues the value's path, e.g. `is missing` */
  add(path: Path, what: string): void {
    this.#found.push({ ...this.#yaml.at(path), what: `${pathText(path)} ${what}`.trim() });
  }

  /** The value when it has the schema's form; undefined, with the faults noted, when not. */
  check<S extends z.ZodObject>(schema: S, value: unknown, path: Path): z.output<S> | undefined {
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    for (const issue of result.error.issues) this.#addIssue(schema, value, path, issue);
    return undefined;
  }

  #addIssue(schema: z.ZodObject, value: unknown, path: Path, issue: z.core.$ZodIssue): void {
    if (issue.code === "unrecognized_keys") {
      const known = Object.keys(schema.shape).join(", ");
      for (const key of issue.keys) {
        const place = this.#yaml.atKey([...path, key]);
        this.#found.push({ ...place, what: `${pathText([...path, key])} is not a known key (known: ${known})` });
      }
      return;
    }
    const within = issue.path.filter((part) => typeof part !== "symbol");
    this.add([...path, ...within], describe(issue, valueAt(value, within)));
  }
}

function describe(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === undefined) return "is missing";
  if (value === null) return "is empty";
  if (issue.code === "invalid_type") return `is not ${TYPES[issue.expected] ?? issue.expected}`;
  if (issue.code === "invalid_value")
    return `${JSON.stringify(value)} is not ${issue.values.length > 1 ? "one of " : ""}${issue.values.join(", ")}`;
  return issue.message;
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (inner, part) => (typeof inner === "object" && inner !== null ? Reflect.get(inner, part) : undefined),
    value,
  );
}

/** `clusters[0].endpoints[2].port`; the root has no name. */
function pathText(path: Path): string {
  return path.map((part, at) => (typeof part === "number" ? `[${part}]` : at === 0 ? part : `.${part}`)).join("");
}
