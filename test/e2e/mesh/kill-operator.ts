import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { waitUntil } from "../../rig/ready.ts";
import { EVENKEEL, get, type Mesh, podsOf } from "./cluster.ts";

const SELECTOR = "app.kubernetes.io/name=proxy-service-operator";
const LEASE = "proxy-service-operator";
/** Longer than the Lease of this check. */
const ELECTION_MS = 60_000;

/** The operator's pod that acts; waits for one. */
async function leader({ rig }: Mesh) {
  let found: Awaited<ReturnType<typeof podsOf>>[number] | undefined;
  await waitUntil(
    "an operator that leads",
    async () => {
      const lease = await get<{ spec: { holderIdentity?: string } }>(rig, "lease", LEASE, "-n", EVENKEEL);
      found = (await podsOf(rig, EVENKEEL, SELECTOR)).find(
        ({ metadata, status }) => metadata.name === lease.spec.holderIdentity && status?.phase === "Running",
      );
      return found !== undefined && processOf(found.metadata.uid) !== undefined;
    },
    { timeoutMs: ELECTION_MS, everyMs: 200 },
  );
  if (found === undefined) throw new Error("no operator leads");
  return found;
}

/**
 * Kills the operator that acts, as the kernel would: it has no time for a last word. Its pod is removed then, or its next
 * start would be delayed more each time.
 * @param withinMs it is killed at a random moment of this time
 */
export async function killOperator(mesh: Mesh, withinMs: number): Promise<void> {
  const { metadata } = await leader(mesh);
  await sleep(Math.random() * withinMs);
  const pid = processOf(metadata.uid);
  if (pid === undefined) throw new Error(`the operator ${metadata.name} ended before it was killed`);
  process.kill(pid, "SIGKILL");
  await mesh.rig.kubectl(["delete", "pod", metadata.name, "-n", EVENKEEL, "--force", "--grace-period=0"]);
}

/** The process of a pod that runs the operator; pods of the rig are visible from here. */
function processOf(podUid: string): number | undefined {
  const marks = [podUid, podUid.replaceAll("-", "_")];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .find((pid) => {
      const words = readProc(pid, "cmdline").split("\0");
      return words.includes("operator") && marks.some((mark) => readProc(pid, "cgroup").includes(mark));
    });
}

function readProc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    // It has just ended.
    return "";
  }
}
