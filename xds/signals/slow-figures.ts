import type { CpuFigure, CpuSample, CpuSignal } from "./signal.ts";

/** Figures of so long are kept, in ms: of the 40 s that the law wants to see agree, and of one that begins before them. */
const KEPT_MS = 60_000;

/**
 * Adds a figure of a slow source to those before it. Such figures are means over long times already: they are not smoothed.
 * @param requestsPerSecond to the endpoint while it was measured; undefined: not known
 */
export function addSlowFigure(
  previous: CpuSignal | undefined,
  next: CpuSample,
  requestsPerSecond: number | undefined,
): CpuSignal {
  const { utilisation, atMs, overMs } = next;
  const before = (previous?.figures ?? []).filter((figure) => figure.atMs > atMs - KEPT_MS);
  const figures: readonly CpuFigure[] = [{ utilisation, atMs, overMs, requestsPerSecond }, ...before];
  return { ...next, latest: utilisation, figures };
}
