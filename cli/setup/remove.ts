import { EvenkeelError } from "../../common/errors.ts";
import { existing } from "./apply.ts";
import { clustersToClear } from "./choose-cluster.ts";
import type { Cluster } from "./cluster.ts";
import { appObjects } from "./deploy.ts";
import { removeImages } from "./image.ts";
import { type Kubectl, makeKubectl } from "./kubectl.ts";
import { metricsManifests } from "./metrics-server.ts";
import { isMarked, type KubeObject, nameOf, toYaml } from "./objects.ts";
import type { Progress, Steps } from "./progress.ts";
import { wasStartedBySetup } from "./record.ts";
import type { Runner } from "./runner.ts";
import type { SetupSettings } from "./settings.ts";

/** How many steps {@link remove} tells of. */
export const REMOVE_STEPS = 2;

/**
 * Removes what setup made: the whole cluster if it started it, else the objects that carry its mark, and the images.
 * @throws EvenkeelError with what was wrong
 */
export async function remove(run: Runner, settings: SetupSettings, steps: Steps): Promise<void> {
  steps.next("Removing what setup made in the cluster");
  for (const cluster of await clustersToClear(run, settings)) await clear(run, cluster, settings, steps.note);
  steps.next("Removing the images that setup built");
  await removeImages(run, settings.name, steps.note, settings.image);
}

async function clear(run: Runner, cluster: Cluster, settings: SetupSettings, note: Progress): Promise<void> {
  const state = await cluster.state();
  if (state === "absent") return note(`there is no ${cluster.title.replace(/^the /, "")}`);
  if (state === "stopped")
    throw new EvenkeelError("EK_KUBE_UNREACHABLE", `${cluster.title} does not run, so nobody can tell who made it`, {
      where: `context ${cluster.context}`,
      next: "start it and run this again, or delete it yourself with its own tool",
    });
  const kubectl = makeKubectl(run, cluster.context);
  if (cluster.kind !== "current" && (await wasStartedBySetup(kubectl, cluster))) {
    await cluster.remove(note);
    return note(`removed ${cluster.title}`);
  }
  await removeObjects(kubectl, cluster, settings.namespace, note);
}

async function removeObjects(kubectl: Kubectl, cluster: Cluster, namespace: string, note: Progress): Promise<void> {
  const app = (await existing(kubectl, await appObjects(kubectl, namespace))).filter(isMarked);
  const ours = [...app, ...(await markedMetrics(kubectl, cluster, note))];
  if (ours.length === 0) return note(`setup made nothing in ${cluster.title}, or it is gone`);
  // All or nothing, as far as rights go.
  for (const flags of [["--dry-run=server"], []])
    await kubectl(["delete", "--ignore-not-found", "--timeout=120s", ...flags, "-f", "-"], toYaml(ours));
  for (const object of ours) note(`removed ${nameOf(object)}`);
}

/** Those who may not even look at the cluster's own objects have not made any. */
async function markedMetrics(kubectl: Kubectl, cluster: Cluster, note: Progress): Promise<KubeObject[]> {
  try {
    return (await existing(kubectl, await metricsManifests(kubectl, cluster.isLocal))).filter(isMarked);
  } catch (error) {
    if (!(error instanceof EvenkeelError) || error.code !== "EK_KUBE_FORBIDDEN") throw error;
    note("metrics-server is left alone: this account may not look at it");
    return [];
  }
}
