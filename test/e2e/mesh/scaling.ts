import { setTimeout as sleep } from "node:timers/promises";
import { waitUntil } from "../../rig/ready.ts";
import { conditionHolds, get, type Mesh, podsOf, rolledOut, SHOP } from "./cluster.ts";
import { startTraffic } from "./traffic.ts";

const MINUTE = 60_000;
/**
 * The steady 50 requests/s take 15 to 60 mCPU of a gateway, as fast as the machine is just now: well under 70 % of this
 * request, so that one pod is enough for them, and the surge takes several times as much.
 */
const CPU_REQUEST = "140m";
const SURGE_PER_SECOND = 350;

/**
 * Load until the gateway's own HPA has made more pods and they serve, then none of it until it has taken them back.
 * @returns the most pods that there were
 */
export async function scaleByLoad({ rig, say }: Mesh, url: string): Promise<number> {
  const spec = { resources: { requests: { cpu: CPU_REQUEST } } };
  await rig.kubectl(["patch", "ps", "ps-s0", "-n", SHOP, "--type=merge", "-p", JSON.stringify({ spec })]);
  await conditionHolds(rig, "Ready");
  await rolledOut(rig, SHOP, "ps-s0");
  // Ours to add: the operator leaves what others add alone.
  const behavior = { spec: { behavior: { scaleDown: { stabilizationWindowSeconds: 30 } } } };
  await rig.kubectl(["patch", "hpa", "ps-s0", "-n", SHOP, "--type=merge", "-p", JSON.stringify(behavior)]);
  const surge = await startTraffic(rig, url, SURGE_PER_SECOND);
  let most = 1;
  const pods = async () => {
    const { status } = await get<{ status: { replicas?: number; readyReplicas?: number } }>(
      rig,
      "deployment",
      "ps-s0",
      "-n",
      SHOP,
    );
    most = Math.max(most, status.readyReplicas ?? 0);
    return status;
  };
  try {
    await waitUntil("more gateway pods by the HPA", async () => ((await pods()).readyReplicas ?? 0) > 1, {
      timeoutMs: 4 * MINUTE,
      everyMs: 1000,
    });
    say("the HPA has made more gateway pods");
    await sleep(15_000);
    await pods();
    surge.check("the surge");
  } finally {
    await surge.stop();
  }
  surge.check("the surge");
  const down = async () => {
    await pods();
    return (await podsOf(rig, SHOP, "istio=ps-s0")).length === 1;
  };
  await waitUntil("one gateway pod again, by the HPA", down, { timeoutMs: 8 * MINUTE, everyMs: 2000 });
  say(`the HPA went to ${most} gateway pods and back to 1`);
  return most;
}
