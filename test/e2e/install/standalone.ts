import { join } from "node:path";
import { waitUntil } from "../../rig/ready.ts";
import type { Rig } from "../../rig/rig.ts";
import { makeBusy, percent } from "../mesh/busy.ts";
import { EVENKEEL, podsOf, rolledOut } from "../mesh/cluster.ts";
import { startTraffic } from "../mesh/traffic.ts";
import type { Doctor } from "./doctor.ts";
import { refusedListener } from "./faults.ts";
import { agentsAreHeard } from "./injection.ts";
import { nothingIsLeft } from "./left.ts";
import type { Install } from "./main.ts";

const OVERLAY = join(import.meta.dirname, "kubernetes", "standalone");
const GATEWAYS = 2;
const URL = `http://evenkeel-gateway.${EVENKEEL}.svc.cluster.local/`;
const PER_SECOND = 50;

/** The overlay without Istio: gateways of our own in front of the same app, by the figures of its agents. */
export async function standalone(install: Install, doctor: Doctor): Promise<string> {
  const { rig, say } = install;
  say("kubectl apply -k, without Istio");
  await rig.kubectl(["apply", "-k", OVERLAY]);
  await rolledOut(rig, EVENKEEL, "evenkeel-control-plane");
  await rolledOut(rig, EVENKEEL, "evenkeel-gateway");
  await waitUntil("all gateways", () => areReady(rig), { timeoutMs: 60_000, everyMs: 500 });
  const traffic = await startTraffic(rig, URL, PER_SECOND);
  try {
    await agentsAreHeard(rig);
    const busy = await makeBusy(install, traffic, { busyMs: 10_000, returnsWithinMs: 60_000 });
    traffic.check("a busy pod");
    await doctor.healthy("without Istio");
    const refused = await refusedListener(install, doctor);
    traffic.check("a listener that Envoy refuses");
    await traffic.stop();
    await rig.kubectl(["delete", "-k", OVERLAY, "--timeout=120s"]);
    await nothingIsLeft(rig, EVENKEEL);
    return (
      `the overlay without Istio: ${GATEWAYS} gateways, a busy pod's share went from ${percent(busy.fair)} to ` +
      `${percent(busy.share)}; ${refused}; ${traffic.answers.length} requests, 0 failed; kubectl delete -k left nothing`
    );
  } finally {
    await traffic.stop();
  }
}

async function areReady(rig: Rig): Promise<boolean> {
  const pods = await podsOf(rig, EVENKEEL, "app.kubernetes.io/name=evenkeel-gateway");
  const ready = pods.filter(({ status }) =>
    status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"),
  );
  return ready.length === GATEWAYS;
}
