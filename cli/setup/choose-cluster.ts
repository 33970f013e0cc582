import { EvenkeelError } from "../../common/errors.ts";
import type { Cluster } from "./cluster.ts";
import { kindCluster } from "./kind.ts";
import { findContext } from "./kubectl.ts";
import { minikubeCluster } from "./minikube.ts";
import type { Runner } from "./runner.ts";
import type { SetupSettings } from "./settings.ts";
import { hasTool, missingTools, requireDockerDaemon, requireTools, type Tool } from "./tools.ts";

/**
 * Chooses the cluster that the settings mean, and sees that its tools are there.
 * @throws EvenkeelError EK_SETTING_INVALID, EK_PROGRAM_MISSING, EK_DOCKER_UNAVAILABLE, EK_KUBE_CONFIG, EK_USAGE
 */
export async function chooseCluster(run: Runner, settings: SetupSettings): Promise<Cluster> {
  requireOneCluster(settings);
  if (isCurrent(settings)) {
    await requireTools(run, settings.skipBuild ? ["kubectl"] : ["kubectl", "docker"]);
    const cluster = await currentCluster(run, settings.context);
    if (!settings.skipBuild) {
      if (cluster.loadImage === undefined) throw cannotLoad(cluster);
      await requireDockerDaemon(run);
    }
    return cluster;
  }
  const kind = settings.cluster === "kind" || settings.cluster === "minikube" ? settings.cluster : await autoKind(run);
  await requireTools(run, ["docker", "kubectl", kind]);
  await requireDockerDaemon(run);
  return kind === "kind" ? kindCluster(run, settings.name) : minikubeCluster(run, settings.name);
}

/** The clusters that `--delete` looks at: with `auto`, every one of that name that a setup may have started. */
export async function clustersToClear(run: Runner, settings: SetupSettings): Promise<Cluster[]> {
  requireOneCluster(settings);
  await requireTools(run, ["kubectl"]);
  if (isCurrent(settings)) return [await currentCluster(run, settings.context)];
  const kinds = settings.cluster === "auto" ? (["minikube", "kind"] as const) : ([settings.cluster] as const);
  const clusters: Cluster[] = [];
  for (const kind of kinds) {
    if (kind === "current" || !(await hasTool(run, kind))) continue;
    clusters.push(kind === "kind" ? kindCluster(run, settings.name) : minikubeCluster(run, settings.name));
  }
  if (clusters.length === 0) throw missingTools(settings.cluster === "kind" ? ["kind"] : ["minikube", "kind"], "or");
  return clusters;
}

/** A context may come from the environment, unseen: it must not turn a cluster that was asked for into another one. */
function requireOneCluster({ cluster, context }: SetupSettings): void {
  if (context === "" || cluster === "auto" || cluster === "current") return;
  throw new EvenkeelError("EK_SETTING_INVALID", `${cluster} is asked for, and so is the context ${context}`, {
    where: "--cluster, --context",
    next: `unset EVENKEEL_CONTEXT or leave --context out to have ${cluster}; leave --cluster out to have the context`,
  });
}

function isCurrent(settings: SetupSettings): boolean {
  return settings.cluster === "current" || settings.context !== "";
}

async function autoKind(run: Runner): Promise<"minikube" | "kind"> {
  if (await hasTool(run, "minikube")) return "minikube";
  if (await hasTool(run, "kind")) return "kind";
  // What else is missing is said together with it.
  const rest: Tool[] = [];
  for (const tool of ["docker", "kubectl"] as const) if (!(await hasTool(run, tool))) rest.push(tool);
  const missing = missingTools(["minikube", "kind"], "or");
  if (rest.length === 0) throw missing;
  const others = missingTools(rest);
  throw new EvenkeelError("EK_PROGRAM_MISSING", `${others.message}; ${missing.message}`, {
    next: `${others.next.replace(/, and run it again$/, "")}; then ${missing.next}`,
  });
}

/** A cluster that is there: by its context's name it may be one of minikube or kind, which take images. */
async function currentCluster(run: Runner, wanted: string): Promise<Cluster> {
  const context = await findContext(run, wanted);
  const local = context.startsWith("kind-")
    ? kindCluster(run, context.slice("kind-".length))
    : context === "minikube"
      ? minikubeCluster(run, context)
      : undefined;
  return {
    kind: "current",
    title: `the cluster of the context ${context}`,
    context,
    isLocal: local !== undefined,
    state: async () => "running",
    start: async () => undefined,
    loadImage: local?.loadImage,
    remove: async () => undefined,
    addressCommand: undefined,
  };
}

function cannotLoad(cluster: Cluster): EvenkeelError {
  return new EvenkeelError("EK_USAGE", `an image that is built here does not get into ${cluster.title} by itself`, {
    where: "evenkeel setup",
    next: "push the image to a registry that the cluster pulls from, and run setup with --skip-build --image NAME",
  });
}
