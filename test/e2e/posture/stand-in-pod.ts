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
}

/**
 * Runs a pod's command as a process: the same program with the same arguments and environment on the same network, but this
 * repository in the place of the image, and the claim's folder where it is in the place of the mount.
 */
export async function startStandInPod(rig: Rig, pod: AnalyserPod, options: StandInPodOptions): Promise<Child> {
  const [container] = pod.spec.containers;
  if (container === undefined) throw new Error(`the pod ${pod.metadata.name} has no container`);
  const words = ["sh", "-c", ENTER, "sh", ...options.cgroups, "--", process.execPath, ...(container.args ?? [])];
  const [command, ...args] = rig.inside(words) as [string, ...string[]];
  const { PATH = "" } = process.env;
  const env = { PATH, NODE_ENV: "production", ...environmentOf(pod, options.claim) };
  return startChild(command, args, { name: pod.metadata.name, env, cwd: REPOSITORY });
}

/** The container's variables, as a kubelet would fill them in; the optional Secret is not there. */
function environmentOf({ metadata, spec }: AnalyserPod, claim: string): Record<string, string> {
  const [container] = spec.containers;
  const claimed = spec.volumes?.find(({ persistentVolumeClaim }) => persistentVolumeClaim !== undefined)?.name;
  const mount = container?.volumeMounts?.find(({ name }) => name === claimed)?.mountPath;
  const fields: Readonly<Record<string, string | undefined>> = {
    "spec.nodeName": spec.nodeName,
    "metadata.name": metadata.name,
  };
  return Object.fromEntries(
    (container?.env ?? []).flatMap(({ name, value, valueFrom }) => {
      const text = value ?? fields[valueFrom?.fieldRef?.fieldPath ?? ""];
      if (text === undefined) return [];
      const isInMount = mount !== undefined && text.startsWith(`${mount}/`);
      return [[name, isInMount ? join(claim, text.slice(mount.length)) : text]];
    }),
  );
}
