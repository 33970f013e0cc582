import { expect, test } from "vitest";
import type { KubeClient, KubeRequest } from "../../common/kubernetes/client.ts";
import { contentsOf } from "./namespace-contents.ts";

const versions = (...names: string[]) => names.map((groupVersion) => ({ groupVersion }));
const served = (...resources: [name: string, kind: string][]) => ({
  resources: resources.map(([name, kind]) => ({ name, kind, namespaced: true, verbs: ["list"] })),
});

/** What the API server says of the kinds that it serves: of one of them only in a version that is not preferred. */
const DISCOVERY: Readonly<Record<string, unknown>> = {
  "/apis": {
    groups: [
      {
        preferredVersion: { groupVersion: "networking.istio.io/v1" },
        versions: versions("networking.istio.io/v1alpha3", "networking.istio.io/v1"),
      },
    ],
  },
  "/api/v1": served(["configmaps", "ConfigMap"]),
  "/apis/networking.istio.io/v1": served(["gateways", "Gateway"]),
  "/apis/networking.istio.io/v1alpha3": served(["gateways", "Gateway"], ["envoyfilters", "EnvoyFilter"]),
};

/** A cluster whose namespace holds one object of each kind, called `mine`; notes what was listed. */
function cluster(listed: string[]): KubeClient {
  const answer = ({ target }: KubeRequest): unknown => {
    if ("path" in target) return DISCOVERY[target.path];
    listed.push(`${target.resource.version} ${target.resource.plural}`);
    return { items: [{ metadata: { name: "mine" } }] };
  };
  return { json: async (request: KubeRequest) => answer(request) } as unknown as KubeClient;
}

test("sees each kind once, also one that only another than the preferred version serves", async () => {
  const listed: string[] = [];
  const found = await contentsOf(cluster(listed), "posture", () => false);
  expect(found).toEqual(["ConfigMap mine", "Gateway mine", "EnvoyFilter mine"]);
  expect(listed).toEqual(["v1 configmaps", "v1 gateways", "v1alpha3 envoyfilters"]);
});
