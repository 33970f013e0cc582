import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import type { Settled } from "../resource.ts";
import { type DesiredObject, objectOf } from "./meta.ts";

/**
 * The account of the gateway's pods, which is also their identity in the mesh, with a role of its own. The gateway asks
 * the API server for nothing, so the role has no rules, and as the operator does not name the field it leaves alone those
 * that somebody adds, e.g. for a Gateway's TLS secrets.
 */
export function identityObjects(settled: Settled): DesiredObject[] {
  const { name, namespace } = settled;
  return [
    objectOf(RESOURCES.serviceAccounts, settled, name),
    objectOf(RESOURCES.roles, settled, name),
    {
      ...objectOf(RESOURCES.roleBindings, settled, name),
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
    },
  ];
}
