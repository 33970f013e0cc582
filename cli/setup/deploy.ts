import { EvenkeelError } from "../../common/errors.ts";
import { apply, checkApply } from "./apply.ts";
import { chooseCluster } from "./choose-cluster.ts";
import type { Cluster } from "./cluster.ts";
import { buildImage } from "./image.ts";
import { type Kubectl, makeKubectl } from "./kubectl.ts";
import { metricsObjects } from "./metrics-server.ts";
import { nextSteps } from "./next-steps.ts";
import { buildManifests, inNamespace, type KubeObject, marked, nameOf, withImage } from "./objects.ts";
import type { Progress, Steps } from "./progress.ts";
import { recordStart } from "./record.ts";
import type { Runner } from "./runner.ts";
import type { SetupSettings } from "./settings.ts";
import { waitUntilReady } from "./wait.ts";

/** How many steps {@link deploy} tells of. */
export const DEPLOY_STEPS = 6;

/**
 * Brings up cluster, metrics, app and autoscaler. What can be known to fail is found before anything is changed.
 * @throws EvenkeelError with what was wrong
 */
export async function deploy(run: Runner, settings: SetupSettings, steps: Steps, signal: AbortSignal): Promise<void> {
  steps.next("Checking the tools and the cluster");
  requireImage(settings);
  const cluster = await chooseCluster(run, settings);
  const before = await cluster.state();
  steps.note(`${cluster.title} is ${before}`);
  const kubectl = makeKubectl(run, cluster.context);
  const checked = async () => {
    const objects = {
      metrics: await metricsObjects(kubectl, cluster),
      app: await appObjects(kubectl, settings.namespace),
    };
    await checkApply(kubectl, [...objects.metrics, ...objects.app]);
    return objects;
  };
  const early = before === "running" ? await checked() : undefined;

  steps.next(settings.skipBuild ? `Using the image ${settings.image}` : "Building the image (minutes, the first time)");
  const image = settings.skipBuild ? settings.image : await buildImage(run, settings.image, settings.name, steps.note);

  steps.next("Starting the cluster");
  await startCluster(cluster, before, kubectl, steps.note);
  if (!settings.skipBuild) {
    steps.note(`loading ${image}`);
    await cluster.loadImage?.(image);
  }

  steps.next("Installing the metrics API, if there is none");
  const { metrics, app } = early ?? (await checked());
  if (metrics.length === 0) steps.note("the cluster has one");
  else await applyAll(kubectl, metrics, steps.note);

  steps.next("Deploying the app and its autoscaler");
  await applyAll(kubectl, withImage(app, image), steps.note);

  steps.next("Waiting for the pods and the autoscaler's first figures");
  await waitUntilReady(kubectl, { namespace: settings.namespace, timeoutMs: settings.wait, signal }, steps.note);
  for (const line of await nextSteps(kubectl, cluster, settings)) steps.note(line);
}

/** The app's objects in a namespace, with setup's mark. */
export async function appObjects(kubectl: Kubectl, namespace: string): Promise<KubeObject[]> {
  return marked(inNamespace(await buildManifests(kubectl, "cpu-load"), namespace));
}

async function startCluster(cluster: Cluster, before: string, kubectl: Kubectl, note: Progress): Promise<void> {
  if (before === "running") return note(`${cluster.title} runs already`);
  // Without the record `--delete` would take the cluster for somebody else's.
  await cluster.start(note, () => recordStart(kubectl, cluster));
  note(`${cluster.title} runs; kubectl's current context is now ${cluster.context}`);
}

async function applyAll(kubectl: Kubectl, objects: readonly KubeObject[], note: Progress): Promise<void> {
  await apply(kubectl, objects);
  for (const object of objects) note(nameOf(object));
}

function requireImage(settings: SetupSettings): void {
  if (settings.skipBuild && settings.image === "")
    throw new EvenkeelError("EK_USAGE", "--skip-build needs --image NAME", { where: "evenkeel setup" });
}
