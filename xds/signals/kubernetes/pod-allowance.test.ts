import { expect, test } from "vitest";
import type { Node, Pod, Resources } from "../../fleet/kubernetes/objects.ts";
import { cpuAllowance } from "./pod-allowance.ts";

const pod = (containers: readonly Resources[], resources?: Resources): Pod => ({
  metadata: { name: "p", namespace: "n" },
  spec: { containers: containers.map((each) => ({ resources: each })), ...(resources && { resources }) },
});
const limit = (cpu: string): Resources => ({ limits: { cpu } });
const request = (cpu: string): Resources => ({ requests: { cpu } });
const node: Node = { metadata: { name: "n" }, status: { allocatable: { cpu: "3920m" } } };

test.each<[string, Pod | undefined, Node | undefined, number | undefined]>([
  ["the sum of limits", pod([limit("500m"), limit("1")]), node, 1.5],
  ["the pod's own limit", pod([limit("500m")], limit("2")), node, 2],
  [
    "requests, when one container has no limit",
    pod([{ ...limit("1"), ...request("200m") }, request("100m")]),
    node,
    0.3,
  ],
  ["the pod's own request", pod([{}], request("2")), node, 2],
  ["the node's, when there is neither", pod([{}]), node, 3.92],
  ["the node's, of an unknown pod", undefined, node, 3.92],
  ["nothing known", pod([{}]), undefined, undefined],
  ["a limit of nothing", pod([limit("0")]), node, 3.92],
  ["no containers", pod([]), node, 3.92],
])("%s", (_name, of, on, cores) => {
  const allowance = cpuAllowance(of, on);
  if (cores === undefined) expect(allowance).toBeUndefined();
  else expect(allowance).toBeCloseTo(cores, 9);
});
