const SUFFIXES: Readonly<Record<string, number>> = { n: 1e-9, u: 1e-6, m: 1e-3, "": 1, k: 1e3, M: 1e6 };

/**
 * Reads a CPU quantity of the Kubernetes API (`250m`, `1.5`, `123456789n`) as cores.
 * @returns undefined for what is none, or negative
 */
export function cpuCores(quantity: string | undefined): number | undefined {
  const match = /^\+?(\d+(?:\.\d*)?|\.\d+)(?:e([+-]?\d{1,2}))?([numkM]?)$/i.exec(quantity ?? "");
  const factor = SUFFIXES[match?.[3] ?? ""];
  if (match === null || factor === undefined) return undefined;
  return Number(match[1]) * 10 ** Number(match[2] ?? 0) * factor;
}
