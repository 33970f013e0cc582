import type { FleetSource } from "./fleet/fleet.ts";

/**
 * Waits until every cluster of the first fleet has its weights.
 * @returns `look` is to be called whenever that may have come true; once it has, looking costs nothing
 */
export function whenSettled(
  source: Pick<FleetSource, "current">,
  hasWeights: (cluster: string) => boolean,
): { readonly settled: Promise<void>; look(): void } {
  let look = () => {};
  const settled = new Promise<void>((resolve) => {
    look = () => {
      const names = source.current()?.clusters.keys();
      if (names === undefined || ![...names].every(hasWeights)) return;
      look = () => {};
      resolve();
    };
  });
  return { settled, look: () => look() };
}
