import { setTimeout as sleep } from "node:timers/promises";
import { type BusyFigures, type BusyOptions, makeBusy } from "./busy.ts";
import { EVENKEEL, type Mesh, rolledOut, SHOP } from "./cluster.ts";
import type { Traffic } from "./traffic.ts";

/**
 * The law goes by what the figures of 40 s agree on. With the rig's metrics-server these are means over 10 to 20 s. To so long come
 * the figure that the step falls into (20 s), the kubelet's count (10 s before it is read), and our own poll (8 s).
 */
const WITHIN_NINETY_SECONDS: BusyOptions = {
  busyMs: 150_000,
  fallsWithinMs: 90_000,
  returnsWithinMs: 90_000,
  source: "metrics-api",
};

/**
 * No agents in the pods, and the control plane asks the metrics API alone: one pod is busy for minutes.
 * @throws Error when its share does not fall in time, or does not return
 */
export async function busyByMetricsApi(mesh: Mesh, traffic: Traffic): Promise<BusyFigures> {
  const { rig } = mesh;
  const label = (agent: string) =>
    JSON.stringify({ spec: { template: { metadata: { labels: { "evenkeel.io/agent": agent } } } } });
  const set = async (source: string, agent: string) => {
    const env = `EVENKEEL_SIGNALS=${source}`;
    await rig.kubectl(["set", "env", "deployment/evenkeel-control-plane", "-n", EVENKEEL, env]);
    await rig.kubectl(["patch", "deployment", "s0", "-n", SHOP, "--type=merge", "-p", label(agent)]);
    await Promise.all([rolledOut(rig, EVENKEEL, "evenkeel-control-plane"), rolledOut(rig, SHOP, "s0")]);
  };
  await set("metrics-api", "false");
  // Until the metrics API has figures of the new pods.
  await sleep(45_000);
  const figures = await makeBusy(mesh, traffic, WITHIN_NINETY_SECONDS);
  await set("auto", "true");
  return figures;
}
