import type { Desired } from "../../../common/kubernetes/apply.ts";
import { apiVersionOf, type ResourceType } from "../../../common/kubernetes/resource-type.ts";

/** Label of everything that `apply` makes: `stop` removes only that. */
export const MADE_BY = { key: "app.kubernetes.io/managed-by", value: "evenkeel-posture" } as const;
/** Label with the namespace that an object is made for: some live outside of it. */
export const MADE_FOR = "evenkeel.io/posture";

export const CONTROLLER = "posture-controller";
export const SCALER = "posture-external-scaler";
export const HTTP_PORT = 8081;
export const SCALER_PORT = 8080;

/** The beginning of an object. @param namespace absent for kinds without namespaces */
export function objectOf(
  resource: ResourceType,
  name: string,
  place: { readonly madeFor: string; readonly namespace?: string },
  labels: Readonly<Record<string, string>> = {},
): Desired {
  const { madeFor, namespace } = place;
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: {
      name,
      ...(namespace !== undefined && { namespace }),
      labels: { ...labels, [MADE_BY.key]: MADE_BY.value, [MADE_FOR]: madeFor },
    },
  };
}

/** What the pods of our own programs may not do. */
export const POD_SECURITY = {
  runAsNonRoot: true,
  runAsUser: 1000,
  runAsGroup: 1000,
  seccompProfile: { type: "RuntimeDefault" },
} as const;

export const CONTAINER_SECURITY = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
} as const;
