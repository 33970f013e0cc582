import { join } from "node:path";
import { waitUntil } from "../../rig/ready.ts";
import { conditionHolds, type Mesh, podsOf, rolledOut, SHOP } from "./cluster.ts";
import { answer, startTraffic } from "./traffic.ts";

const MANIFEST = join(import.meta.dirname, "kubernetes", "strict.yaml");
const URL = "http://sn1.shop.svc.cluster.local/";
const PER_SECOND = 20;
const REQUESTS = 100;

/** Pods that take Istio's mutual TLS only: a gateway with our endpoints reaches them, and nobody else does. */
export async function strictPods({ rig, say }: Mesh): Promise<string> {
  await rig.kubectl(["apply", "-f", MANIFEST]);
  await rolledOut(rig, SHOP, "s1");
  await conditionHolds(rig, "Ready", "ps-s1");
  await conditionHolds(rig, "WeightsLive", "ps-s1");
  const [pod] = await podsOf(rig, SHOP, "app=s1");
  const plain = await answer(rig, `http://${pod?.status?.podIP}:9080/`);
  if (plain === "200") throw new Error("a pod of STRICT mutual TLS answers in plain text");
  say(`a pod of STRICT mutual TLS answers plain text with ${plain}`);
  const traffic = await startTraffic(rig, URL, PER_SECOND);
  try {
    const enough = () => traffic.answers.length >= REQUESTS;
    await waitUntil(`${REQUESTS} answers of pods of STRICT mutual TLS`, enough, { timeoutMs: 60_000 });
  } finally {
    await traffic.stop();
  }
  traffic.check("STRICT mutual TLS");
  const pods = new Set(traffic.answers.map((each) => each.pod));
  if (pods.size !== 2) throw new Error(`${pods.size} pods of STRICT mutual TLS answered, and 2 there are`);
  await rig.kubectl(["delete", "-f", MANIFEST, "--wait=false"]);
  const gone = async () =>
    (await rig.kubectl(["get", "ps", "-n", SHOP, "-o", "name"])).trim() === "proxyservice.msvcbench.io/ps-s0";
  await waitUntil("the end of ps-s1", gone, { timeoutMs: 240_000, everyMs: 1000 });
  return `STRICT mutual TLS to ${pods.size} pods`;
}
