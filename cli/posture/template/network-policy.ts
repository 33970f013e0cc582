import type { Desired } from "../../../common/kubernetes/apply.ts";
import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import type { TemplateSettings } from "../settings.ts";
import { HTTP_PORT, objectOf, SCALER, SCALER_PORT } from "./marks.ts";

/**
 * Only KEDA asks the scaler: a question makes a session at the broker that keeps images, in the scaler's own name, and takes
 * free nodes from those who ask after it. Its figures are for everybody.
 */
export function scalerPolicy({ namespace, kedaNamespace }: TemplateSettings): Desired {
  const ofKeda = { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": kedaNamespace } } };
  return {
    ...objectOf(RESOURCES.networkPolicies, SCALER, { madeFor: namespace, namespace }, { app: SCALER }),
    spec: {
      podSelector: { matchLabels: { app: SCALER } },
      policyTypes: ["Ingress"],
      ingress: [{ from: [ofKeda], ports: [{ port: SCALER_PORT }] }, { ports: [{ port: HTTP_PORT }] }],
    },
  } as Desired;
}
