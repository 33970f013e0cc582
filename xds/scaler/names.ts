/** Label of nodes that may run posture jobs; its value must be `true`. */
export const ELIGIBLE_LABEL = "posture/eligible";
/** Label of the preference among them: `slot-1` (first) to `slot-10`. */
export const SLOT_LABEL = "posture/slot";
/**
 * Label that the controller sets to `true` on an eligible node without CPU to spare: the scheduler does not know how busy
 * a node is, and the jobs' affinity excludes this.
 */
export const BUSY_LABEL = "posture/busy";
/** Selects the analysers' pods. */
export const ANALYZER_SELECTOR = "app=posture-analyzer";
/** Label that KEDA gives the pods of a ScaledJob's jobs: its name. */
export const SCALED_JOB_LABEL = "scaledjob.keda.sh/name";
export const SLOTS = 10;

/** The slot of a node, from 1; undefined when it has none that is valid. */
export function slotOf(labels: Readonly<Record<string, string>> | undefined): number | undefined {
  const slot = Number(/^slot-([1-9]\d?)$/.exec(labels?.[SLOT_LABEL] ?? "")?.[1]);
  return slot <= SLOTS ? slot : undefined;
}
