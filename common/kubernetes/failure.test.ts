import { expect, test } from "vitest";
import { failureOf, failureOfStatus } from "./failure.ts";
import type { Verb } from "./rbac.ts";
import { RESOURCES, type Target } from "./resource-type.ts";

const status = (message: string, reason: string) => JSON.stringify({ kind: "Status", message, reason });
const slices: Target = { resource: RESOURCES.endpointSlices };
const pod: Target = { resource: RESOURCES.pods, namespace: "shop", name: "web-0" };
const asked = (verb: Verb, target: Target) => ({ verb, target, server: "https://cluster" });

test.each<[number, string, Verb, Target, string, RegExp, RegExp]>([
  [401, status("Unauthorized", "Unauthorized"), "list", slices, "EK_KUBE_UNAUTHORISED", /Unauthorized/, /credentials/],
  [
    403,
    status('endpointslices is forbidden: User "system:serviceaccount:ek:cp" cannot list', "Forbidden"),
    "list",
    slices,
    "EK_KUBE_FORBIDDEN",
    /cannot list endpointslices\.discovery\.k8s\.io/,
    /bind system:serviceaccount:ek:cp to a ClusterRole with the rule \{apiGroups: \["discovery\.k8s\.io"\], resources: \["endpointslices"\], verbs: \["get", "list", "watch"\]\}/,
  ],
  [
    403,
    "",
    "patch",
    { ...pod, subresource: "status" },
    "EK_KUBE_FORBIDDEN",
    /pods\/status shop\/web-0/,
    /a Role in shop with the rule \{apiGroups: \[""\], resources: \["pods\/status"\], verbs: \["patch"\]\}/,
  ],
  [
    403,
    "",
    "get",
    { resource: RESOURCES.nodes, name: "n", subresource: "proxy/metrics/resource" },
    "EK_KUBE_FORBIDDEN",
    /nodes\/proxy/,
    /ClusterRole with the rule \{apiGroups: \[""\], resources: \["nodes\/proxy"\], verbs: \["get"\]\}/,
  ],
  [
    404,
    "404 page not found\n",
    "list",
    { resource: RESOURCES.podMetrics },
    "EK_KUBE_API_MISSING",
    /page/,
    /metrics-server/,
  ],
  [
    404,
    "404 page not found\n",
    "patch",
    { ...pod, resource: RESOURCES.destinationRules },
    "EK_KUBE_API_MISSING",
    /./,
    /istioctl/,
  ],
  [404, status('pods "web-0" not found', "NotFound"), "get", pod, "EK_KUBE_NOT_FOUND", /web-0/, /create it/],
  [
    404,
    status('namespaces "shop" not found', "NotFound"),
    "create",
    { ...pod, name: undefined },
    "EK_KUBE_NOT_FOUND",
    /namespaces/,
    /./,
  ],
  [409, status("the object has been modified", "Conflict"), "update", pod, "EK_KUBE_CONFLICT", /modified/, /./],
  [410, status("too old", "Expired"), "watch", slices, "EK_KUBE_GONE", /too old/, /./],
  [422, status("spec.x: Invalid", "Invalid"), "patch", pod, "EK_KUBE_REFUSED", /spec\.x/, /./],
  [503, "upstream", "list", slices, "EK_KUBE_FAILED", /upstream/, /./],
  [500, "", "list", slices, "EK_KUBE_FAILED", /HTTP 500/, /./],
])("HTTP %i %s to %s is told", (code, body, verb, target, expected, message, next) => {
  const error = failureOf(code, body, asked(verb, target));
  expect(error.code).toBe(expected);
  expect(error.message).toMatch(message);
  expect(error.next).toMatch(next);
  expect(error.where).toBe("https://cluster");
});

test("a Status inside a watch is told by its own code; without one it is a failure", () => {
  const of = (object: unknown) => failureOfStatus(object, asked("watch", slices)).code;
  expect(of({ kind: "Status", code: 410 })).toBe("EK_KUBE_GONE");
  expect(of({ kind: "Status" })).toBe("EK_KUBE_FAILED");
  expect(of(undefined)).toBe("EK_KUBE_FAILED");
});
