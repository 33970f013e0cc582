import type { ResourceType } from "../../common/kubernetes/resource-type.ts";

/** Kinds that only the doctor reads. */
export const DOCTOR_RESOURCES = {
  networkPolicies: {
    group: "networking.k8s.io",
    version: "v1",
    plural: "networkpolicies",
    kind: "NetworkPolicy",
    namespaced: true,
  },
  mutatingWebhooks: {
    group: "admissionregistration.k8s.io",
    version: "v1",
    plural: "mutatingwebhookconfigurations",
    kind: "MutatingWebhookConfiguration",
    namespaced: false,
  },
} as const satisfies Record<string, ResourceType>;
