import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Document, isAlias, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { EvenkeelError } from "./errors.ts";

/** Reads one setting's text; throws an Error whose message says what is expected. */
export type Parser<T> = (text: string) => T;

/** One setting: `--flag`, its environment variable, and the key of the same name as the flag in the settings file. */
export interface Setting<T> {
  /** Long flag without dashes, e.g. `xds-port`. */
  readonly flag: string;
  readonly short?: string;
  /** Environment variable, e.g. `EVENKEEL_XDS_PORT`. */
  readonly env?: string;
  readonly parse: Parser<T>;
  /** As the user would write it. Absent: the setting must be given. */
  readonly default?: string;
  /** One sentence with the unit. */
  readonly help: string;
  /** What stands for the value in `--help`, e.g. `PORT`. A flag without one is a switch that takes no value. */
  readonly value?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: the record holds settings of every type; each keeps its own below
export type Settings = Readonly<Record<string, Setting<any>>>;
export type Values<S extends Settings> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

/** A command with its settings, as `--help` shows it. */
export interface Command<S extends Settings> {
  /** As typed, e.g. `evenkeel control-plane`. */
  readonly name: string;
  readonly summary: string;
  readonly settings: S;
  /** Operands as `--help` shows them; absent: none are taken. */
  readonly operands?: string;
  readonly examples?: readonly string[];
}

export type Loaded<S extends Settings> =
  | { readonly kind: "values"; readonly values: Values<S>; readonly operands: readonly string[] }
  | { readonly kind: "help"; readonly text: string };

/**
 * Reads a command's settings: a flag wins over the environment, that over the file of `--settings FILE`
 * (`EVENKEEL_SETTINGS`), that over the default.
 * @throws EvenkeelError EK_USAGE, EK_SETTING_INVALID (names every faulty setting at once), EK_FILE_UNREADABLE
 */
export function loadSettings<S extends Settings>(
  command: Command<S>,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Loaded<S> {
  const entries = Object.entries(command.settings);
  const options: Record<string, { type: "string" | "boolean"; short?: string }> = {
    help: { type: "boolean", short: "h" },
    settings: { type: "string" },
  };
  for (const [, setting] of entries)
    options[setting.flag] = {
      type: setting.value === undefined ? "boolean" : "string",
      ...(setting.short === undefined ? {} : { short: setting.short }),
    };
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: command.operands !== undefined, strict: true });
  } catch (error) {
    throw new EvenkeelError("EK_USAGE", String((error as Error).message).replace(/\.$/, ""), {
      where: command.name,
      next: `see ${command.name} --help`,
      cause: error,
    });
  }
  if (parsed.values.help === true) return { kind: "help", text: helpText(command) };

  const path = (parsed.values.settings as string | undefined) ?? env.EVENKEEL_SETTINGS;
  const file = path === undefined || path === "" ? new Map<string, Located>() : readSettingsFile(path);
  const values: Record<string, unknown> = {};
  const faults: string[] = [];
  const known = new Set(entries.map(([, setting]) => setting.flag));
  for (const [key, located] of file) if (!known.has(key)) faults.push(`${located.where}: unknown setting ${key}`);
  for (const [key, setting] of entries) {
    const found = find(setting, parsed.values, env, file);
    if (found === undefined) {
      if (setting.value !== undefined) faults.push(`--${setting.flag} is missing (${setting.help})`);
      else values[key] = setting.parse("false");
      continue;
    }
    try {
      values[key] = setting.parse(found.text);
    } catch (error) {
      faults.push(`${found.where}: ${JSON.stringify(found.text)} ${(error as Error).message}`);
    }
  }
  if (faults.length > 0)
    throw new EvenkeelError("EK_SETTING_INVALID", faults.join("; "), {
      where: command.name,
      next: `see ${command.name} --help`,
    });
  return { kind: "values", values: values as Values<S>, operands: parsed.positionals };
}

interface Located {
  readonly text: string;
  readonly where: string;
}

function find(
  setting: Setting<unknown>,
  flags: Record<string, unknown>,
  env: NodeJS.ProcessEnv,
  file: ReadonlyMap<string, Located>,
): Located | undefined {
  const flag = flags[setting.flag];
  if (flag !== undefined) return { text: String(flag), where: `--${setting.flag}` };
  const variable = setting.env === undefined ? undefined : env[setting.env];
  // An empty variable is how shells and manifests say "not set".
  if (variable !== undefined && variable !== "") return { text: variable, where: String(setting.env) };
  return (
    file.get(setting.flag) ?? (setting.default === undefined ? undefined : { text: setting.default, where: "default" })
  );
}

function readSettingsFile(path: string): ReadonlyMap<string, Located> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new EvenkeelError("EK_FILE_UNREADABLE", (error as Error).message, { where: path, cause: error });
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const problem = document.errors[0];
  if (problem !== undefined)
    throw new EvenkeelError("EK_SETTING_INVALID", problem.message, { where: path, cause: problem });
  const content: unknown = document.toJS();
  if (content === null) return new Map();
  if (typeof content !== "object" || Array.isArray(content))
    throw new EvenkeelError("EK_SETTING_INVALID", "a settings file is a map of setting: value", { where: path });
  const settings = new Map<string, Located>();
  for (const [key, value] of Object.entries(content)) {
    if (value === null || value === undefined) continue;
    const node = document.get(key, true);
    const offset = (node as { range?: [number, number, number] } | undefined)?.range?.[0] ?? 0;
    settings.set(key, { text: textOf(node, value, document), where: `${path}:${lines.linePos(offset).line}` });
  }
  return settings;
}

/** What a flag would say. A number is taken as it is written: YAML would make `1.1` of the version `1.10`. */
function textOf(node: unknown, value: unknown, document: Document): string {
  const meant = isAlias(node) ? node.resolve(document) : node;
  if (isSeq(meant) && Array.isArray(value))
    return value.map((item, index) => textOf(meant.items[index], item ?? "", document)).join(",");
  return isScalar(meant) && typeof meant.value === "number" ? (meant.source ?? String(value)) : String(value);
}

function helpText<S extends Settings>(command: Command<S>): string {
  const rows = Object.values(command.settings).map((setting) => {
    const short = setting.short === undefined ? "" : `-${setting.short}, `;
    const value = setting.value === undefined ? "" : ` ${setting.value}`;
    const facts = [
      ...(setting.default === undefined || setting.value === undefined ? [] : [`default ${setting.default || '""'}`]),
      ...(setting.env === undefined ? [] : [setting.env]),
    ];
    return { left: `${short}--${setting.flag}${value}`, help: setting.help, facts: facts.join(", ") };
  });
  rows.push({
    left: "--settings FILE",
    help: "a YAML file of flag: value, for what is not given otherwise",
    facts: "EVENKEEL_SETTINGS",
  });
  rows.push({ left: "-h, --help", help: "this text", facts: "" });
  const width = Math.min(34, Math.max(...rows.map((row) => row.left.length)));
  const lines = rows.map(({ left, help, facts }) => {
    const gap = left.length > width ? `\n${" ".repeat(width + 4)}` : " ".repeat(width - left.length + 2);
    return `  ${left}${gap}${help}${facts === "" ? "" : ` (${facts})`}`;
  });
  const operands = command.operands === undefined ? "" : ` ${command.operands}`;
  const examples =
    command.examples === undefined
      ? ""
      : `\n\nExamples\n${command.examples.map((example) => `  ${example}`).join("\n")}`;
  return `${command.name} [settings]${operands}\n${command.summary}\n\nSettings (a flag wins over the environment, that over the file, that over the default)\n${lines.join("\n")}${examples}\n`;
}

/** Parsers for settings. Each throws an Error whose message continues "VALUE …". */
export const is = {
  text: (text: string): string => {
    if (text === "") throw new Error("must not be empty");
    return text;
  },
  /** Any text, the empty one too. */
  anyText: (text: string): string => text,
  flag: (text: string): boolean => {
    if (text === "true" || text === "1") return true;
    if (text === "false" || text === "0" || text === "") return false;
    throw new Error("is not true or false");
  },
  integer:
    (min: number, max: number): Parser<number> =>
    (text) => {
      const value = Number(text);
      if (!/^-?\d+$/.test(text) || value < min || value > max)
        throw new Error(`is not a whole number from ${min} to ${max}`);
      return value;
    },
  number:
    (min: number, max: number): Parser<number> =>
    (text) => {
      const value = Number(text);
      if (text.trim() === "" || !Number.isFinite(value) || value < min || value > max)
        throw new Error(`is not a number from ${min} to ${max}`);
      return value;
    },
  /** A port to connect to or listen on; `0` only where a free one may be chosen. */
  port:
    (options: { zero?: boolean } = {}): Parser<number> =>
    (text) =>
      is.integer(options.zero === true ? 0 : 1, 65535)(text),
  /** An http(s) URL, or the empty text for none. */
  optionalUrl: (text: string): string => {
    if (text !== "" && (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)))
      throw new Error("is not an http(s) URL");
    return text;
  },
  choice:
    <const T extends string>(...choices: readonly T[]): Parser<T> =>
    (text) => {
      const found = choices.find((choice) => choice === text);
      if (found === undefined) throw new Error(`is not one of ${choices.join(", ")}`);
      return found;
    },
  /** A time such as `250ms`, `4s`, `2m`; in whole milliseconds: `1.005s` times 1000 is not quite 1005. */
  duration:
    (min: number, max: number): Parser<number> =>
    (text) => {
      const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
      const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[match?.[2] ?? ""];
      const value = Math.round(Number(match?.[1]) * (unit ?? Number.NaN));
      if (!(value >= min && value <= max))
        throw new Error(`is not a time from ${min}ms to ${max}ms, such as 250ms, 4s, 2m`);
      return value;
    },
  /** The same, or `none` for no limit. */
  durationOrNone:
    (min: number, max: number): Parser<number | undefined> =>
    (text) =>
      text === "none" ? undefined : is.duration(min, max)(text),
  /** A size such as `512KiB`, `64MiB`, `2GiB`, or plain bytes; in bytes. */
  bytes:
    (min: number, max: number): Parser<number> =>
    (text) => {
      const match = /^(\d+)(B|KiB|MiB|GiB)?$/.exec(text);
      const unit = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }[match?.[2] ?? "B"];
      const value = Number(match?.[1]) * (unit ?? Number.NaN);
      if (!(value >= min && value <= max)) throw new Error(`is not a size from ${min} to ${max} bytes, such as 64MiB`);
      return value;
    },
} as const;
