import { join } from "node:path";
import { type Child, startChild } from "../../../common/child.ts";
import type { Rig } from "../../rig/rig.ts";
import type { AnalyserPod } from "./watch.ts";

const REPOSITORY = join(import.meta.dirname, "..", "..", "..");
/** Enters the control groups (the words before `--`), then becomes the command. What it writes the pods of the real node may change. */
const ENTER = `umask 0
while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs"; shift; done
shift
exec "$@"`;

export interface StandInPodOptions {
  /** Folders of the control groups of its node. */
  readonly cgroups: readonly string[];
  /** Folder in the place of the pod's claim. */
  readonly claim: string;
  /** Folders in the place of Secrets that it mounts, by their names. */
  readonly secrets: Readonly<Record<string, string>>;
}

/**
 * Runs a pod's command as a process: the same program with the same arguments and environment on the same network, but this
 * repository in the place of the image, and the folders of claim and Secrets where they are in the place of the mounts.
 */
export async function startStandInPod(rig: Rig, pod: AnalyserPod, options: StandInPodOptions): Promise<Child> {
  const [container] = pod.spec.containers;
  if (container === undefined) throw new Error(`the pod ${pod.metadata.name} has no container`);
  const words = ["sh", "-c", ENTER, "sh", ...options.cgroups, "--", process.execPath, ...(container.args ?? [])];
  const [command, ...args] = rig.inside(words) as [string, ...string[]];
  const { PATH = "" } = process.env;
  const env = { PATH, NODE_ENV: "production", ...environmentOf(pod, options) };
  return startChild(command, args, { name: pod.metadata.name, env, cwd: REPOSITORY });
}

/** The container's variables, as a kubelet would fill them in; the optional Secret is not there. */
function environmentOf({ metadata, spec }: AnalyserPod, options: StandInPodOptions): Record<string, string> {
  const [container] = spec.containers;
  const mounted = foldersOf(spec, options);
  const fields: Readonly<Record<string, string | undefined>> = {
    "spec.nodeName": spec.nodeName,
    "metadata.name": metadata.name,
  };
  return Object.fromEntries(
    (container?.env ?? []).flatMap(({ name, value, valueFrom }) => {
      const text = value ?? fields[valueFrom?.fieldRef?.fieldPath ?? ""];
      if (text === undefined) return [];
      const [mount, folder] = [...mounted].find(([path]) => text.startsWith(`${path}/`)) ?? ["", ""];
      return [[name, folder === "" ? text : join(folder, text.slice(mount.length))]];
    }),
  );
}

/** Folders here by the paths that they are mounted at there. */
function foldersOf({ containers, volumes = [] }: AnalyserPod["spec"], { claim, secrets }: StandInPodOptions) {
  const folders = new Map<string, string>();
  for (const { name, mountPath } of containers[0]?.volumeMounts ?? []) {
    const volume = volumes.find((each) => each.name === name);
    const folder = volume?.persistentVolumeClaim === undefined ? secrets[volume?.secret?.secretName ?? ""] : claim;
    if (folder !== undefined) folders.set(mountPath, folder);
  }
  return folders;
}
