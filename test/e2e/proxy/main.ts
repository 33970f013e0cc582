import { EvenkeelError } from "../../../common/errors.ts";
import { is, loadSettings } from "../../../common/settings.ts";
import { nodeRefusal } from "../../rig/node/support.ts";
import { onCluster } from "./cluster/main.ts";
import { onThisMachine } from "./local.ts";

const COMMAND = {
  name: "npm run e2e -- proxy",
  summary: "The random reverse proxy: on this machine, and by its Helm chart on a real cluster, in a mesh too.",
  settings: {
    withoutCluster: {
      flag: "without-cluster",
      parse: is.flag,
      help: "leave out the cluster, which takes root on Linux",
    },
    clusterOnly: { flag: "cluster-only", parse: is.flag, help: "leave out what needs no cluster" },
  },
} as const;

/**
 * Plays the reverse proxy's checks.
 * @returns the exit code
 * @throws EvenkeelError EK_RIG_UNSUPPORTED without the rights that a cluster takes; Error when something does not hold
 */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(COMMAND, args);
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return 0;
  }
  const { withoutCluster, clusterOnly } = loaded.values;
  if (!withoutCluster) requireCluster();
  const seen: string[] = [];
  if (!clusterOnly) seen.push(await onThisMachine());
  if (!withoutCluster) seen.push(await onCluster());
  console.log(`proxy: ${seen.join("; ")}${withoutCluster ? "; not shown: the cluster" : ""}`);
  return 0;
}

/** Before minutes are spent on the rest. */
function requireCluster(): void {
  const cause = nodeRefusal();
  if (cause === undefined) return;
  throw new EvenkeelError("EK_RIG_UNSUPPORTED", `the cluster cannot be shown here: ${(cause as Error).message}`, {
    next: "run it as root on Linux, or leave the cluster out with --without-cluster",
    cause,
  });
}
