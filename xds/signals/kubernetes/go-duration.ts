const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Reads a duration as Go writes it, e.g. `1m0.5s`. NaN for what is none. */
export function goDurationMs(text: string | undefined): number {
  if (!/^(\d+(\.\d+)?(ms|h|m|s))+$/.test(text ?? "")) return Number.NaN;
  const parts = [...(text as string).matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (UNITS[unit as string] as number), 0);
}
