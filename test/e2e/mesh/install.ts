import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packImage } from "../../rig/images/archive.ts";
import { evenkeelImage } from "../../rig/images/evenkeel.ts";
import { file } from "../../rig/images/layer.ts";
import { waitUntil } from "../../rig/ready.ts";
import type { Rig } from "../../rig/rig.ts";
import { EVENKEEL, type Mesh, podsOf, rolledOut, SHOP } from "./cluster.ts";

const HERE = import.meta.dirname;
const MANIFESTS = join(HERE, "kubernetes");

/** Packs Evenkeel with the app of this check, and gives it to the rig. */
export async function loadEvenkeel(rig: Rig): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-e2e-mesh-"));
  try {
    const archive = join(folder, "image.tar");
    const extra = [file(join(HERE, "app.ts"), "/app/test/e2e/mesh/app.ts")];
    await packImage(await evenkeelImage({ extra }), archive);
    await rig.loadImage(archive);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Injection of agents first, then everything else, as `kubectl apply -k` does it; until all of it is ready. */
export async function install({ rig, say }: Mesh): Promise<void> {
  say("applying the manifests");
  await apply(rig, join(MANIFESTS, "agent"));
  await waitUntil("the injection of agents", () => injects(rig), { timeoutMs: 60_000, everyMs: 500 });
  await apply(rig, MANIFESTS);
  await Promise.all([
    rolledOut(rig, EVENKEEL, "evenkeel-control-plane"),
    rolledOut(rig, EVENKEEL, "proxy-service-operator"),
    rolledOut(rig, SHOP, "s0"),
  ]);
  const pods = await podsOf(rig, SHOP, "app=s0");
  const without = pods.filter(({ spec }) => !JSON.stringify(spec).includes('"evenkeel-agent"'));
  if (without.length > 0) throw new Error(`${without.length} pods of the app have no agent`);
}

/** Kinds that a folder itself defines are known only after a while: what is refused for that is applied again. */
async function apply(rig: Rig, folder: string): Promise<void> {
  await waitUntil(`kubectl apply -k ${folder}`, () => rig.kubectl(["apply", "-k", folder]).then(() => true), {
    timeoutMs: 60_000,
    everyMs: 1000,
  });
}

export const applyExample = (rig: Rig): Promise<string> => rig.kubectl(["apply", "-f", join(MANIFESTS, "ps-s0.yaml")]);

/** Tries it on a pod that is not stored. */
async function injects(rig: Rig): Promise<boolean> {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "trial", namespace: "default", labels: { "evenkeel.io/agent": "true" } },
    spec: { automountServiceAccountToken: false, containers: [{ name: "trial", image: "trial:1" }] },
  };
  const answer = await rig.kubectl(["create", "--dry-run=server", "-o", "json", "-f", "-"], JSON.stringify(pod));
  return answer.includes('"evenkeel-agent"');
}

const ACCOUNTS = [
  { namespace: EVENKEEL, selector: "app.kubernetes.io/name=evenkeel-control-plane", account: "evenkeel-control-plane" },
  { namespace: EVENKEEL, selector: "app.kubernetes.io/name=proxy-service-operator", account: "proxy-service-account" },
  { namespace: SHOP, selector: "istio=ps-s0", account: "ps-s0" },
];
/** What none of the accounts may. */
const FORBIDDEN = ["get secrets", "create pods", "create pods/exec", "get nodes/proxy", "create clusterrolebindings"];

/** Each component runs by its own account, and that one may not do what would make it an admin. */
export async function checkAccounts(rig: Rig): Promise<string> {
  for (const { namespace, selector, account } of ACCOUNTS) {
    const pods = await podsOf(rig, namespace, selector);
    const wrong = pods.filter(({ spec }) => spec?.serviceAccountName !== account);
    if (pods.length === 0 || wrong.length > 0)
      throw new Error(`${selector}: ${pods.length} pods, ${wrong.length} of them not by the account ${account}`);
    for (const words of FORBIDDEN)
      if (await mayDo(rig, words, `system:serviceaccount:${namespace}:${account}`))
        throw new Error(`${account} may ${words}`);
  }
  return `${ACCOUNTS.length} components by their own accounts`;
}

async function mayDo(rig: Rig, words: string, as: string): Promise<boolean> {
  const [verb = "", what = ""] = words.split(" ");
  const [resource = "", subresource = ""] = what.split("/");
  const group = resource === "clusterrolebindings" ? "rbac.authorization.k8s.io" : "";
  const review = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SubjectAccessReview",
    spec: { user: as, resourceAttributes: { verb, group, resource, subresource } },
  };
  const answer = await rig.kubectl(["create", "-o", "json", "-f", "-"], JSON.stringify(review));
  return (JSON.parse(answer) as { status: { allowed: boolean } }).status.allowed;
}
