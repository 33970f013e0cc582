import { waitUntil } from "../ready.ts";
import type { Session } from "../session.ts";
import { manifest } from "./process-service.ts";

const NAME = "rig-loaded-images";

/** Sets one field of each container in one list of a pod, as the Common Expression Language says it. */
const setPolicy = (list: string) => {
  const changed = `object.spec.${list}.map(c, Object.spec.${list}{name: c.name, imagePullPolicy: "IfNotPresent"})`;
  return `has(object.spec.${list}) ? Object{spec: Object.spec{${list}: ${changed}}} : Object{}`;
};

/**
 * Has every new pod take the images that were loaded. A pod whose image names no tag (`image: auto` of Istio's injection)
 * would otherwise have it pulled from a registry each time, and the rig has none. A policy of the API server itself,
 * which comes before the injection webhook.
 */
export async function preferLoadedImages(session: Session): Promise<void> {
  const expressions = ["containers", "initContainers"].map(setPolicy);
  const policy = {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingAdmissionPolicy",
    metadata: { name: NAME },
    spec: {
      failurePolicy: "Fail",
      reinvocationPolicy: "Never",
      matchConstraints: {
        resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }],
      },
      mutations: expressions.map((expression) => ({
        patchType: "ApplyConfiguration",
        applyConfiguration: { expression },
      })),
    },
  };
  const binding = {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingAdmissionPolicyBinding",
    metadata: { name: NAME },
    spec: { policyName: NAME },
  };
  await session.kubectl(["apply", "--server-side", "-f", "-"], manifest([policy, binding]));
  await waitUntil("the image policy's effect", () => isInEffect(session), { timeoutMs: 120_000, everyMs: 500 });
}

/** Tries it on a pod that is not stored. */
async function isInEffect(session: Session): Promise<boolean> {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "rig-trial", namespace: "default" },
    spec: { automountServiceAccountToken: false, containers: [{ name: "trial", image: "auto" }] },
  };
  const path = "jsonpath={.spec.containers[0].imagePullPolicy}";
  const answer = await session.kubectl(["create", "--dry-run=server", "-o", path, "-f", "-"], manifest([pod]));
  return answer === "IfNotPresent";
}
