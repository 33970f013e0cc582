import { EvenkeelError } from "../../common/errors.ts";
import type { Kubectl } from "./kubectl.ts";
import { isMarked, type KubeObject, nameOf, toYaml } from "./objects.ts";

/** Which field belongs to whom is kept under this name. */
const MANAGER = "--field-manager=evenkeel-setup";

/**
 * Asks the API server whether it would take all objects: rights, names in use, ports, admission. Nothing is changed.
 * @throws EvenkeelError EK_KUBE_CONFLICT when one is there already that setup did not make; what the API server says
 */
export async function checkApply(kubectl: Kubectl, objects: readonly KubeObject[]): Promise<void> {
  const foreign = (await existing(kubectl, objects)).filter((object) => !isMarked(object));
  if (foreign.length > 0)
    throw new EvenkeelError(
      "EK_KUBE_CONFLICT",
      `${foreign.map(nameOf).join(", ")} is there and was not made by setup`,
      {
        where: `context ${kubectl.context}`,
        next: "delete or rename it, or choose another --namespace or cluster; nothing was changed",
      },
    );
  await applyServerSide(kubectl, objects, ["--dry-run=server"]);
}

/** Applies objects, over what somebody has changed in them. */
export async function apply(kubectl: Kubectl, objects: readonly KubeObject[]): Promise<void> {
  await applyServerSide(kubectl, objects, []);
}

/** Those of the objects that are in the cluster, as they are there. */
export async function existing(kubectl: Kubectl, objects: readonly KubeObject[]): Promise<KubeObject[]> {
  const text = await kubectl(["get", "--ignore-not-found", "-o", "json", "-f", "-"], toYaml(objects));
  if (text.trim() === "") return [];
  const answer = JSON.parse(text) as KubeObject & { readonly items?: readonly KubeObject[] };
  return answer.kind === "List" ? [...(answer.items ?? [])] : [answer];
}

async function applyServerSide(kubectl: Kubectl, objects: readonly KubeObject[], flags: string[]): Promise<void> {
  await kubectl(["apply", "--server-side", "--force-conflicts", MANAGER, ...flags, "-f", "-"], toYaml(objects));
}
