import { existsSync, readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { PAUSE_IMAGE } from "../rig/node/config.ts";
import { nodeRefusal } from "../rig/node/support.ts";
import { stateFolder } from "../rig/place.ts";
import { readState, type SandboxState } from "../rig/state.ts";
import { withFreeRig } from "./support/free-rig.ts";

/** Programs of the rig that are not in the cache yet are built first, and another rig on this machine is waited for. */
const LONG_MS = 2 * 3_600_000;
const NAME = "leavings";
const PODS = 3;
const NETWORKS = "/run/netns";

const names = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder).sort() : []);

/** What this machine itself shows of pods' network namespaces. */
const onTheMachine = () => ({
  names: names(NETWORKS),
  mounts: readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line.includes(NETWORKS)),
});

function sandboxOf(name: string): SandboxState {
  const sandbox = readState(stateFolder(name))?.sandbox;
  if (sandbox === undefined) throw new Error(`the rig ${name} has no namespaces`);
  return sandbox;
}

if (nodeRefusal() === undefined)
  test("pods' network namespaces are the rig's own, and down leaves nothing of them", {
    timeout: LONG_MS,
  }, async () => {
    const onProgress = (line: string) => void process.stderr.write(`rig: ${line}\n`);
    const { before, made } = await withFreeRig({ name: NAME, with: [], onProgress }, async (rig) => {
      const before = onTheMachine();
      const { init, madeFolders: made } = sandboxOf(NAME);
      await rig.kubectl(["create", "deployment", "idle", `--image=${PAUSE_IMAGE}`, `--replicas=${PODS}`]);
      await rig.kubectl(["rollout", "status", "deployment/idle", "--timeout=180s"]);
      expect(names(`/proc/${init.pid}/root${NETWORKS}`)).toHaveLength(PODS);
      expect(onTheMachine()).toEqual(before);
      return { before, made };
    });
    expect(onTheMachine().names.filter((name) => !before.names.includes(name))).toEqual([]);
    expect(onTheMachine().mounts).toEqual(before.mounts);
    expect(made.filter((folder) => existsSync(folder))).toEqual([]);
  });
else
  test("a machine that cannot run a cluster's node says so", async () => {
    const none = withFreeRig({ name: NAME }, async () => undefined);
    await expect(none).rejects.toMatchObject({ code: "EK_RIG_UNSUPPORTED" });
  });
