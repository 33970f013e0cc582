import { expect, it } from "vitest";
import { LeastRequest } from "../../proto/generated/envoy/extensions/load_balancing_policies/least_request/v3/least_request.ts";
import { HttpProtocolOptions } from "../../proto/generated/envoy/extensions/upstreams/http/v3/http_protocol_options.ts";
import { type Cluster, type Endpoint, endpointKey } from "../fleet/fleet.ts";
import { type ClusterOptions, clusterMessage } from "./cluster.ts";
import { encodeResource } from "./encode.ts";
import { TYPE_URLS } from "./resource.ts";

function cluster(endpoints: number, changes: Partial<Cluster> = {}): Cluster {
  const endpoint = (at: number): Endpoint => ({
    key: endpointKey(`10.0.0.${at}`, 80),
    address: `10.0.0.${at}`,
    port: 80,
    locality: { region: "", zone: "", subZone: "" },
    state: "ready",
  });
  return {
    name: "workers",
    endpoints: Array.from({ length: endpoints }, (_, at) => endpoint(at + 1)),
    protocol: "http1",
    connectTimeoutMs: 1500,
    ...changes,
  };
}

function policy(of: Cluster, options?: ClusterOptions): LeastRequest {
  const config = clusterMessage(of, options).loadBalancingPolicy?.policies[0]?.typedExtensionConfig?.typedConfig;
  return LeastRequest.decode(config?.value ?? Buffer.alloc(0));
}

function httpOptions(of: Cluster): HttpProtocolOptions {
  const packed =
    clusterMessage(of).typedExtensionProtocolOptions["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"];
  return HttpProtocolOptions.decode(packed?.value ?? Buffer.alloc(0));
}

it("names the cluster, takes its endpoints over ADS and keeps its connect timeout", () => {
  expect(clusterMessage(cluster(1))).toMatchObject({
    name: "workers",
    clusterDiscoveryType: { type: 3 },
    connectTimeout: { seconds: 1n, nanos: 500_000_000 },
    edsClusterConfig: {
      edsConfig: {
        configSourceSpecifier: { $case: "ads" },
        initialFetchTimeout: { seconds: 5n },
        resourceApiVersion: 2,
      },
    },
  });
});

it.each([1, 100, 10_000])(
  "compares eight of %i endpoints: another number would make Envoy build the cluster anew",
  (endpoints) => {
    expect(policy(cluster(endpoints))).toMatchObject({ selectionMethod: 0, choiceCount: 8 });
  },
);

it("takes the bias of requests under way from its caller", () => {
  expect(policy(cluster(1)).activeRequestBias?.defaultValue).toBe(2);
  expect(policy(cluster(1), { activeRequestBias: 1 }).activeRequestBias?.defaultValue).toBe(1);
});

it("speaks the cluster's protocol and lets idle connections go before a worker does", () => {
  expect(httpOptions(cluster(1))).toMatchObject({
    commonHttpProtocolOptions: { idleTimeout: { seconds: 60n } },
    upstreamProtocolOptions: { explicitHttpConfig: { protocolConfig: { $case: "httpProtocolOptions" } } },
  });
  expect(httpOptions(cluster(1, { protocol: "http2" }))).toMatchObject({
    upstreamProtocolOptions: { explicitHttpConfig: { protocolConfig: { $case: "http2ProtocolOptions" } } },
  });
});

it("ejects for failed connections only, never for answers", () => {
  expect(clusterMessage(cluster(1))).toMatchObject({
    outlierDetection: {
      splitExternalLocalOriginErrors: true,
      enforcingConsecutiveLocalOriginFailure: 100,
      enforcingConsecutive5xx: 0,
      enforcingConsecutiveGatewayFailure: 0,
      enforcingSuccessRate: 0,
    },
    commonLbConfig: { healthyPanicThreshold: { value: 0 } },
  });
});

it.each([cluster(0), cluster(3), cluster(200, { protocol: "http2" })])("passes Envoy's rules", (of) => {
  expect(encodeResource(TYPE_URLS.cluster, of.name, clusterMessage(of)).name).toBe("workers");
});

it("asks for the health of endpoints only where the fleet says so", () => {
  expect(clusterMessage(cluster(1)).healthChecks).toEqual([]);
  const checked = clusterMessage(cluster(1, { healthCheckPath: "/readyz" }));
  expect(checked.healthChecks).toMatchObject([
    { unhealthyThreshold: 3, healthyThreshold: 1, healthChecker: { httpHealthCheck: { path: "/readyz" } } },
  ]);
  expect(() => encodeResource(TYPE_URLS.cluster, "workers", checked)).not.toThrow();
});
