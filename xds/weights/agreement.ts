import type { CpuFigure } from "../signals/signal.ts";
import { TUNING, type Tuning } from "./tuning.ts";

/**
 * The newest figures of a slow source that together are about the time over which they must agree: one mean over a minute, or
 * several over less. A short burst of outside work, which is over before its figure comes, is in one of them and not in the other.
 * @param figures newest first
 * @returns undefined while they are about less
 */
export function figuresThatMustAgree(
  figures: readonly CpuFigure[],
  tuning: Tuning = TUNING,
): readonly CpuFigure[] | undefined {
  const fromMs = (figures[0]?.atMs ?? Number.NEGATIVE_INFINITY) - tuning.agreeMs;
  const oldest = figures.findIndex(({ atMs, overMs }) => atMs - overMs <= fromMs);
  return oldest < 0 ? undefined : figures.slice(0, oldest + 1);
}
