import type { Desired } from "../../../common/kubernetes/apply.ts";
import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import type { TemplateSettings } from "../settings.ts";
import { CONTROLLER, objectOf } from "./marks.ts";

const RBAC = "rbac.authorization.k8s.io";
const LOOK = ["get", "list", "watch"];

/** The controller's account and what it may do, right by right. The scaler needs none. */
export function access({ namespace, cpuSource }: TemplateSettings): readonly Desired[] {
  const place = { madeFor: namespace, namespace };
  const cluster = { madeFor: namespace };
  // Outside of the namespace, names must not meet those of another one.
  const name = `${namespace}-controller`;
  const subjects = [{ kind: "ServiceAccount", name: CONTROLLER, namespace }];
  const binding = (kind: "Role" | "ClusterRole", roleName: string) => ({
    roleRef: { apiGroup: RBAC, kind, name: roleName },
    subjects,
  });
  const nodes = [
    // `patch` is for the labels posture/busy and posture/slot.
    { apiGroups: [""], resources: ["nodes"], verbs: [...LOOK, "patch"] },
    { apiGroups: ["metrics.k8s.io"], resources: ["nodes"], verbs: ["get", "list"] },
    ...(cpuSource === "kubelet" ? [{ apiGroups: [""], resources: ["nodes/proxy"], verbs: ["get"] }] : []),
  ];
  const own = [
    { apiGroups: [""], resources: ["pods"], verbs: LOOK },
    { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create"] },
    {
      apiGroups: ["coordination.k8s.io"],
      resources: ["leases"],
      resourceNames: [CONTROLLER],
      verbs: ["get", "update"],
    },
  ];
  // Events of nodes live in the namespace default.
  const events = [{ apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create"] }];
  const inDefault = { madeFor: namespace, namespace: "default" };
  return [
    objectOf(RESOURCES.serviceAccounts, CONTROLLER, place),
    { ...objectOf(RESOURCES.clusterRoles, name, cluster), rules: nodes },
    { ...objectOf(RESOURCES.clusterRoleBindings, name, cluster), ...binding("ClusterRole", name) },
    { ...objectOf(RESOURCES.roles, CONTROLLER, place), rules: own },
    { ...objectOf(RESOURCES.roleBindings, CONTROLLER, place), ...binding("Role", CONTROLLER) },
    { ...objectOf(RESOURCES.roles, `${name}-events`, inDefault), rules: events },
    { ...objectOf(RESOURCES.roleBindings, `${name}-events`, inDefault), ...binding("Role", `${name}-events`) },
  ] as readonly Desired[];
}
