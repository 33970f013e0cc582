import type { Container } from "./objects.ts";

/** A file or program that takes our commands: `evenkeel`, `cli/evenkeel.ts`. */
const ENTRY = /(^|\/)evenkeel(\.ts)?$/;

/** The command of ours that a container runs, e.g. `control-plane`; undefined when it runs something else. */
export function programOf({ command = [], args = [] }: Container): string | undefined {
  const words = [...command, ...args];
  const at = words.findIndex((word) => ENTRY.test(word));
  return at === -1 ? undefined : words[at + 1];
}

/** A setting as a container gives it, by flag or by environment; undefined: its default holds. */
export function settingOf({ command = [], args = [], env = [] }: Container, flag: string, variable: string) {
  const words = [...command, ...args];
  const at = words.indexOf(`--${flag}`);
  if (at !== -1 && words[at + 1] !== undefined) return words[at + 1];
  const joined = words.find((word) => word.startsWith(`--${flag}=`));
  return joined?.slice(flag.length + 3) ?? (env.find(({ name }) => name === variable)?.value || undefined);
}

/** The port that a container names so; `fallback` when it names none. */
export function portOf({ ports = [] }: Container, names: readonly string[], fallback: number): number {
  return ports.find(({ name }) => name !== undefined && names.includes(name))?.containerPort ?? fallback;
}
