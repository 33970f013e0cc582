import { expect, it } from "vitest";
import { bootstrap } from "./bootstrap.ts";
import { xdsCluster } from "./xds-cluster.ts";

const OPTIONS = { nodeId: "a-1", nodeCluster: "a", xds: [{ address: "10.0.0.1", port: 18000 }] };

it("asks the control plane for clusters and listeners over delta ADS", () => {
  expect(bootstrap(OPTIONS)).toMatchObject({
    node: { id: "a-1", cluster: "a" },
    admin: { address: { socket_address: { address: "127.0.0.1", port_value: 0 } } },
    dynamic_resources: {
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        grpc_services: [{ envoy_grpc: { cluster_name: "evenkeel-xds" } }],
      },
      cds_config: { ads: {}, resource_api_version: "V3", initial_fetch_timeout: "5s" },
      lds_config: { ads: {}, resource_api_version: "V3", initial_fetch_timeout: "5s" },
    },
    static_resources: { clusters: [{ name: "evenkeel-xds" }] },
  });
});

it("reports load to the same place, always in state-of-the-world form", () => {
  expect(bootstrap({ ...OPTIONS, protocol: "GRPC" })).toMatchObject({
    dynamic_resources: { ads_config: { api_type: "GRPC" } },
    cluster_manager: {
      load_stats_config: { api_type: "GRPC", grpc_services: [{ envoy_grpc: { cluster_name: "evenkeel-xds" } }] },
    },
  });
});

it("comes back within 2 s of a lost stream", () => {
  const text = JSON.stringify(bootstrap(OPTIONS));
  expect(text).toContain('"retry_back_off":{"base_interval":"0.1s","max_interval":"2s"}');
});

it("says where it runs only when told", () => {
  expect(bootstrap(OPTIONS)).not.toHaveProperty("node.locality");
  expect(bootstrap({ ...OPTIONS, locality: { zone: "b" } })).toHaveProperty("node.locality", {
    region: "",
    zone: "b",
    sub_zone: "",
  });
});

it("takes replicas by address, and resolves names", () => {
  const addresses = [
    { address: "10.0.0.1", port: 1 },
    { address: "fd00::1", port: 2 },
  ];
  expect(xdsCluster(addresses)).toMatchObject({
    type: "STATIC",
    load_assignment: {
      endpoints: [
        {
          lb_endpoints: [
            { endpoint: { address: { socket_address: { address: "10.0.0.1", port_value: 1 } } } },
            { endpoint: { address: { socket_address: { address: "fd00::1", port_value: 2 } } } },
          ],
        },
      ],
    },
  });
  expect(xdsCluster([{ address: "control-plane.svc", port: 1 }])).toMatchObject({ type: "STRICT_DNS" });
});
