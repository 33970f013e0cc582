import { setTimeout as sleep } from "node:timers/promises";
import { requireNoFaults, waitForQuiet } from "./cluster.ts";
import { sendImages } from "./images.ts";
import { JOBS } from "./names.ts";
import type { Place } from "./place.ts";
import { waitForResults } from "./results.ts";
import { NODES } from "./setup.ts";

const IMAGES = 200;
/** Ten jobs on three nodes, four rounds; ample for a slow machine, in ms. */
const DONE_MS = 15 * 60_000;
/** How long nothing may start when all is done, in ms. */
const QUIET_MS = 60_000;

/**
 * 200 images to ten topics, for three nodes: each gets one result, there are never more jobs than nodes, in slot order, and
 * nothing runs when all is done.
 * @param sent takes the images' identifiers
 */
export async function spread(place: Place, sent: string[]): Promise<string> {
  const { ledger, say } = place;
  say(`${IMAGES} images to ${JOBS} topics`);
  const began = performance.now();
  const ids = await sendImages(place, IMAGES, [...Array(JOBS).keys()]);
  sent.push(...ids);
  const rows = await waitForResults(place, ids, DONE_MS);
  const seconds = (performance.now() - began) / 1000;
  say(`${rows.length} results after ${seconds.toFixed(0)} s: waiting until no job runs, then for a minute`);
  await waitForQuiet(place);
  const { started } = ledger;
  await sleep(QUIET_MS);
  if (ledger.started > started) throw new Error(`${ledger.started - started} jobs started with nothing to do`);
  requireNoFaults(place);
  const used = NODES.map((name) => `${name} ${rows.filter(({ node }) => node === name).length}`);
  const idle = NODES.filter((name) => rows.every(({ node }) => node !== name));
  if (idle.length > 0) throw new Error(`${idle.join(", ")} got nothing: ${used.join(", ")}`);
  if (ledger.mostAtOnce > NODES.length) throw new Error(`${ledger.mostAtOnce} jobs ran at once`);
  return (
    `${rows.length} images of ${JOBS} topics, each exactly one result (${used.join(", ")}) by ${started} jobs, ` +
    `at most ${ledger.mostAtOnce} at once, in slot order, none in the minute after`
  );
}
