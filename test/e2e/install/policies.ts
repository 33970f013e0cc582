import { join } from "node:path";
import { waitUntil } from "../../rig/ready.ts";
import type { Rig } from "../../rig/rig.ts";
import { type KubeObject, podsOf, rolledOut } from "../mesh/cluster.ts";
import type { Install } from "./main.ts";
import { MESH_WAYS, type Party, STRANGER, UPLOAD_WAYS, type Way, wayText } from "./ways.ts";

const UPLOADS = join(import.meta.dirname, "..", "..", "..", "manifests", "reencrypt", "overlays", "test");
const MONITORING = "evenkeel.io/monitoring";
/** Longer than a lost first packet and its repetitions take. */
const SILENCE_MS = 4000;

/** The control plane's NetworkPolicy, kept to; and the way in for a namespace that monitors. */
export async function meshPolicies({ rig, say }: Install): Promise<string> {
  say("NetworkPolicies");
  const seen = await checkWays(rig, MESH_WAYS);
  const shut = MESH_WAYS.find(({ from, open }) => from === STRANGER && !open) as Way;
  const label = (change: string) => rig.kubectl(["label", "namespace", STRANGER.namespace, `${MONITORING}${change}`]);
  await label("=true");
  await waitUntil("the console for a namespace that monitors", () => isOpen(rig, shut), { timeoutMs: 60_000 });
  await label("-");
  return seen;
}

/** The upload service's NetworkPolicies, kept to. */
export async function uploadPolicies({ rig, say }: Install): Promise<string> {
  say("the upload service's NetworkPolicies");
  await rig.kubectl(["apply", "--server-side", "-k", UPLOADS]);
  for (const name of ["proxy-control-plane", "proxy-worker", "proxy-master"]) await rolledOut(rig, "default", name);
  const seen = await checkWays(rig, UPLOAD_WAYS);
  await rig.kubectl(["delete", "-k", UPLOADS, "--timeout=120s"]);
  return `the upload service's ${seen}`;
}

/** @throws Error with the ways that are not as they must be */
async function checkWays(rig: Rig, ways: readonly Way[]): Promise<string> {
  const found: boolean[] = [];
  for (const way of ways) found.push(await isOpen(rig, way));
  const wrong = ways.filter(({ open }, index) => found[index] !== open);
  if (wrong.length > 0)
    throw new Error(
      `NetworkPolicies: ${wrong.map((way) => `${wayText(way)} is ${way.open ? "shut" : "open"}`).join("; ")}`,
    );
  const open = ways.filter((way) => way.open).length;
  return `NetworkPolicies leave ${open} ways open and shut ${ways.length - open}`;
}

/** Can a pod connect? What a NetworkPolicy forbids gets no answer at all. @throws Error when nobody listens there */
async function isOpen(rig: Rig, way: Way): Promise<boolean> {
  const [from, to] = await Promise.all([podOf(rig, way.from), podOf(rig, way.to)]);
  const script =
    `const socket = require("node:net").connect(${way.port}, ${JSON.stringify(to.status?.podIP)});` +
    "const done = (word) => { console.log(word); process.exit(0); };" +
    'socket.once("connect", () => done("open"));' +
    'socket.once("error", (error) => done(error.code));' +
    `setTimeout(() => done("silence"), ${SILENCE_MS});`;
  const where = ["-n", way.from.namespace, from.metadata.name];
  const said = (await rig.kubectl(["exec", ...where, "--", "node", "-e", script])).trim();
  if (said !== "open" && said !== "silence") throw new Error(`${wayText(way)}: ${said}`);
  return said === "open";
}

async function podOf(rig: Rig, { name, namespace, labels }: Party): Promise<KubeObject> {
  const selector = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  const [pod] = await podsOf(rig, namespace, selector.join(","));
  if (pod === undefined) throw new Error(`${name}: there is no such pod`);
  return pod;
}
