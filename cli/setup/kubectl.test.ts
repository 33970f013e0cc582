import { expect, it } from "vitest";
import { kubectlError } from "./kubectl.ts";

it.each([
  ['Error from server (Forbidden): deployments.apps is forbidden: User "x" cannot create', "EK_KUBE_FORBIDDEN"],
  ["error: You must be logged in to the server (Unauthorized)", "EK_KUBE_UNAUTHORISED"],
  [
    "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?",
    "EK_KUBE_UNREACHABLE",
  ],
  ["Unable to connect to the server: dial tcp: lookup nowhere: no such host", "EK_KUBE_UNREACHABLE"],
  ['error: context "x" does not exist', "EK_KUBE_CONFIG"],
  ['Error from server (NotFound): namespaces "x" not found', "EK_KUBE_NOT_FOUND"],
  ['error: Apply failed with 1 conflict: conflict with "kubectl"', "EK_KUBE_CONFLICT"],
  [
    'The Service "s" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated',
    "EK_KUBE_REFUSED",
  ],
  ['error: resource mapping not found: no matches for kind "X" in version "y"', "EK_KUBE_API_MISSING"],
  ["something else", "EK_KUBE_FAILED"],
])("%s", (stderr, code) => {
  const error = kubectlError({ code: 1, stdout: "", stderr }, "mine");
  expect(error.code).toBe(code);
  expect(error.where).toBe("context mine");
  expect(error.message).toContain(stderr);
});
