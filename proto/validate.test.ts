import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { describe, expect, test } from "vitest";
import { EvenkeelError } from "../common/errors.ts";
import { descriptors } from "./descriptors.ts";
import { Bootstrap } from "./generated/envoy/config/bootstrap/v3/bootstrap.ts";
import { Cluster } from "./generated/envoy/config/cluster/v3/cluster.ts";
import { HeaderValue } from "./generated/envoy/config/core/v3/base.ts";
import { QuicKeepAliveSettings } from "./generated/envoy/config/core/v3/protocol.ts";
import { ClusterLoadAssignment } from "./generated/envoy/config/endpoint/v3/endpoint.ts";
import { Listener } from "./generated/envoy/config/listener/v3/listener.ts";
import { HistogramBucketSettings } from "./generated/envoy/config/metrics/v3/stats.ts";
import { RouteConfiguration } from "./generated/envoy/config/route/v3/route.ts";
import { Buffer as BufferFilter } from "./generated/envoy/extensions/filters/http/buffer/v3/buffer.ts";
import { Router } from "./generated/envoy/extensions/filters/http/router/v3/router.ts";
import { HttpConnectionManager } from "./generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import { ClientSideWeightedRoundRobin } from "./generated/envoy/extensions/load_balancing_policies/client_side_weighted_round_robin/v3/client_side_weighted_round_robin.ts";
import { OrcaLoadReport } from "./generated/xds/data/orca/v3/orca_load_report.ts";
import { violations } from "./validate.ts";
import { planOf } from "./validation/plan-builder.ts";

interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
}

function faults<T>(type: string, codec: Codec<T>, message: T): string[] {
  return violations(type, codec.encode(message).finish());
}

const CLUSTER = "envoy.config.cluster.v3.Cluster";
const ASSIGNMENT = "envoy.config.endpoint.v3.ClusterLoadAssignment";
const LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener";
const ROUTES = "envoy.config.route.v3.RouteConfiguration";
const HCM = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
const ROUTER = "envoy.extensions.filters.http.router.v3.Router";

type PartialOf<T extends { fromPartial: (object: never) => unknown }> = Parameters<T["fromPartial"]>[0];

const cluster = (part: PartialOf<typeof Cluster>) =>
  faults(CLUSTER, Cluster, Cluster.fromPartial({ name: "workers", ...part }));
const routes = (part: PartialOf<typeof RouteConfiguration>) =>
  faults(ROUTES, RouteConfiguration, RouteConfiguration.fromPartial(part));
const endpoint = (address: string, portValue: number, loadBalancingWeight?: number) => ({
  hostIdentifier: {
    $case: "endpoint" as const,
    endpoint: {
      address: {
        address: {
          $case: "socketAddress" as const,
          socketAddress: { address, portSpecifier: { $case: "portValue" as const, portValue } },
        },
      },
    },
  },
  loadBalancingWeight,
});
const assignment = (...lbEndpoints: ReturnType<typeof endpoint>[]) =>
  faults(
    ASSIGNMENT,
    ClusterLoadAssignment,
    ClusterLoadAssignment.fromPartial({ clusterName: "workers", endpoints: [{ lbEndpoints }] }),
  );
const hcm = (part: PartialOf<typeof HttpConnectionManager>) => {
  const message = HttpConnectionManager.fromPartial({
    statPrefix: "in",
    routeSpecifier: { $case: "rds", rds: { routeConfigName: "r", configSource: { configSourceSpecifier: ADS } } },
    ...part,
  });
  return Buffer.from(HttpConnectionManager.encode(message).finish());
};
const ADS = { $case: "ads" as const, ads: {} };
const listener = (value: Buffer, typeUrl = `type.googleapis.com/${HCM}`) =>
  faults(
    LISTENER,
    Listener,
    Listener.fromPartial({
      filterChains: [
        { filters: [{ name: "http", configType: { $case: "typedConfig", typedConfig: { typeUrl, value } } }] },
      ],
    }),
  );
const virtualHost = (part: object) => ({ virtualHosts: [{ name: "all", domains: ["*"], ...part }] });
const header = (key: string, value: string) =>
  faults("envoy.config.core.v3.HeaderValue", HeaderValue, HeaderValue.fromPartial({ key, value }));

test("messages that Envoy takes break no rule", () => {
  expect(cluster({ connectTimeout: { seconds: 1n }, lbPolicy: 1 })).toEqual([]);
  expect(assignment(endpoint("10.0.0.1", 80, 1), endpoint("fd00::1", 65535, 4_294_967_295), endpoint("x", 0))).toEqual(
    [],
  );
  expect(listener(hcm({}))).toEqual([]);
  expect(routes(virtualHost({}))).toEqual([]);
});

describe("each kind of rule", () => {
  const seconds = (n: bigint, nanos = 0) => ({ seconds: n, nanos });
  const keepAlive = (maxInterval: { seconds: bigint; nanos: number } | undefined) =>
    faults(
      "envoy.config.core.v3.QuicKeepAliveSettings",
      QuicKeepAliveSettings,
      QuicKeepAliveSettings.fromPartial({ maxInterval }),
    );
  const orca = (part: PartialOf<typeof OrcaLoadReport>) =>
    faults("xds.data.orca.v3.OrcaLoadReport", OrcaLoadReport, OrcaLoadReport.fromPartial(part));

  test.each<[string, () => string[], string[]]>([
    [
      "string min_len of an absent field",
      () => cluster({ name: "" }),
      ["name: has 0 characters, must have at least 1"],
    ],
    [
      "uint32 gte inside a wrapper",
      () => assignment(endpoint("10.0.0.1", 80, 5), endpoint("10.0.0.2", 80, 0)),
      ["endpoints[0].lb_endpoints[1].load_balancing_weight: is 0, must be at least 1"],
    ],
    [
      "uint32 lte",
      () => assignment(endpoint("10.0.0.1", 65536)),
      ["endpoints[0].lb_endpoints[0].endpoint.address.socket_address.port_value: is 65536, must be at most 65535"],
    ],
    [
      "min_len of an absent text, two levels down a oneof",
      () => assignment(endpoint("", 80)),
      ["endpoints[0].lb_endpoints[0].endpoint.address.socket_address.address: has 0 characters, must have at least 1"],
    ],
    [
      "oneof required, of members without rules and with them",
      () =>
        assignment({ ...endpoint("", 1), hostIdentifier: { $case: "endpoint", endpoint: { address: {} } } } as never),
      [
        "endpoints[0].lb_endpoints[0].endpoint.address.address: is required: one of socket_address, pipe, envoy_internal_address",
      ],
    ],
    ["duration gt", () => cluster({ connectTimeout: seconds(0n) }), ["connect_timeout: is 0 s, must be more than 0 s"]],
    [
      "duration below zero",
      () => cluster({ connectTimeout: seconds(-1n) }),
      ["connect_timeout: is -1 s, must be more than 0 s"],
    ],
    [
      "enum defined_only",
      () => cluster({ lbPolicy: 99 as never }),
      [`lb_policy: is 99, which ${CLUSTER}.LbPolicy does not define`],
    ],
    [
      "enum below zero",
      () => cluster({ lbPolicy: -1 as never }),
      [`lb_policy: is -1, which ${CLUSTER}.LbPolicy does not define`],
    ],
    [
      "message required",
      () =>
        cluster({
          healthChecks: [{ healthChecker: { $case: "tcpHealthCheck", tcpHealthCheck: {} }, timeout: seconds(1n) }],
        }),
      [
        "health_checks[0].interval: is required",
        "health_checks[0].unhealthy_threshold: is required",
        "health_checks[0].healthy_threshold: is required",
      ],
    ],
    [
      "enum not_in",
      () =>
        cluster({
          healthChecks: [
            {
              timeout: seconds(1n),
              interval: seconds(1n),
              unhealthyThreshold: 1,
              healthyThreshold: 1,
              healthChecker: { $case: "httpHealthCheck", httpHealthCheck: { path: "/", method: 6 } },
            },
          ],
        }),
      ["health_checks[0].http_health_check.method: is 6, must be none of 6"],
    ],
    [
      "uint64 lte inside a wrapper",
      () => cluster({ lbConfig: { $case: "ringHashLbConfig", ringHashLbConfig: { minimumRingSize: 8_388_609n } } }),
      ["ring_hash_lb_config.minimum_ring_size: is 8388609, must be at most 8388608"],
    ],
    [
      "repeated min_items",
      () => routes(virtualHost({ domains: [] })),
      ["virtual_hosts[0].domains: has 0 items, must have at least 1"],
    ],
    [
      "repeated max_items",
      () =>
        routes(virtualHost({ requestHeadersToAdd: Array.from({ length: 1001 }, () => ({ header: { key: "a" } })) })),
      ["virtual_hosts[0].request_headers_to_add: has 1001 items, must have at most 1000"],
    ],
    [
      "items that are header values",
      () => routes(virtualHost({ domains: ["ok", "two\nlines"] })),
      ['virtual_hosts[0].domains[1]: is "two\\nlines", must be an HTTP header value'],
    ],
    [
      "string pattern",
      () =>
        routes(
          virtualHost({
            routes: [
              {
                match: { pathSpecifier: { $case: "pathSeparatedPrefix", pathSeparatedPrefix: "/a?b" } },
                action: { $case: "directResponse", directResponse: { status: 200 } },
              },
            ],
          }),
        ),
      ['virtual_hosts[0].routes[0].match.path_separated_prefix: is "/a?b", must be of the pattern ^[^?#]+[^?#/]$'],
    ],
    [
      "string in",
      () => faults(ROUTER, Router, Router.fromPartial({ strictCheckHeaders: ["x-envoy-made-up"] })),
      [expect.stringContaining('strict_check_headers[0]: is "x-envoy-made-up", must be one of "x-envoy-upstream')],
    ],
    [
      "bool const",
      () =>
        faults(
          "envoy.config.bootstrap.v3.Bootstrap",
          Bootstrap,
          Bootstrap.fromPartial({ statsFlush: { $case: "statsFlushOnAdmin", statsFlushOnAdmin: false } }),
        ),
      ["stats_flush_on_admin: is false, must be true"],
    ],
    [
      "float gte inside a wrapper",
      () =>
        faults(
          "envoy.extensions.load_balancing_policies.client_side_weighted_round_robin.v3.ClientSideWeightedRoundRobin",
          ClientSideWeightedRoundRobin,
          ClientSideWeightedRoundRobin.fromPartial({ errorUtilizationPenalty: -0.5 }),
        ),
      ["error_utilization_penalty: is -0.5, must be at least 0"],
    ],
    ["double gte, NaN", () => orca({ cpuUtilization: Number.NaN }), ["cpu_utilization: is NaN, must be at least 0"]],
    [
      "double lte, infinite",
      () => orca({ memUtilization: Infinity }),
      ["mem_utilization: is Infinity, must be at most 1"],
    ],
    [
      "map values",
      () => orca({ utilization: { disk: 0.5, gpu: 1.5 } }),
      ['utilization["gpu"]: is 1.5, must be at most 1'],
    ],
    [
      "map keys",
      () => cluster({ metadata: { filterMetadata: { "": { a: 1 } } } }),
      ['metadata.filter_metadata[""]: key has 0 characters, must have at least 1'],
    ],
    [
      "unique items, packed",
      () =>
        faults(
          "envoy.config.metrics.v3.HistogramBucketSettings",
          HistogramBucketSettings,
          HistogramBucketSettings.fromPartial({
            match: { matchPattern: { $case: "prefix", prefix: "a" } },
            buckets: [1, 2, 1, 0],
          }),
        ),
      ["buckets[2]: occurs twice", "buckets[3]: is 0, must be more than 0"],
    ],
    ["outside a range: the upper part", () => keepAlive(seconds(1n)), []],
    ["outside a range: the lower part", () => keepAlive(seconds(0n)), []],
    [
      "outside a range: between",
      () => keepAlive(seconds(0n, 500_000_000)),
      ["max_interval: is 0.5 s, must be at most 0 s, or is 0.5 s, must be at least 1 s"],
    ],
    ["ignore_empty", () => cluster({ upstreamHttpProtocolOptions: { overrideAutoSniHeader: "" } }), []],
    [
      "header name",
      () => cluster({ upstreamHttpProtocolOptions: { overrideAutoSniHeader: "no spaces" } }),
      ['upstream_http_protocol_options.override_auto_sni_header: is "no spaces", must be an HTTP header name'],
    ],
    ["max_bytes counts UTF-8", () => header("é".repeat(8193), ""), ["key: has 16386 bytes, must have at most 16384"]],
    [
      "header lines cannot be split",
      () => header("a", "b\r\nc: d"),
      ['value: is "b\\r\\nc: d", must be an HTTP header value'],
    ],
  ])("%s", (_, run, expected) => {
    expect(run()).toEqual(expected);
  });
});

describe("an Any", () => {
  test("is looked into, and so is an Any inside it", () => {
    const buffer = Buffer.from(BufferFilter.encode(BufferFilter.fromPartial({ maxRequestBytes: 0 })).finish());
    const typedConfig = {
      typeUrl: "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer",
      value: buffer,
    };
    const value = hcm({
      statPrefix: "",
      httpFilters: [{ name: "b", configType: { $case: "typedConfig", typedConfig } }],
    });
    expect(listener(value)).toEqual([
      "filter_chains[0].filters[0].typed_config.http_filters[0].typed_config.max_request_bytes: is 0, must be more than 0",
      "filter_chains[0].filters[0].typed_config.stat_prefix: has 0 characters, must have at least 1",
    ]);
  });

  test("without a value is its type's empty message", () => {
    expect(listener(Buffer.alloc(0))).toEqual([
      "filter_chains[0].filters[0].typed_config.stat_prefix: has 0 characters, must have at least 1",
      expect.stringContaining("filter_chains[0].filters[0].typed_config.route_specifier: is required"),
    ]);
  });

  test("of a type that others define is left to them", () => {
    expect(listener(Buffer.from("anything"), "type.googleapis.com/istio.Unknown")).toEqual([]);
  });

  test("that holds no message is a fault of the whole", () => {
    expect(listener(Buffer.from([0xff]))).toEqual([expect.stringContaining("is not a well-formed message")]);
  });
});

describe("bytes that no encoder of ours makes", () => {
  test.each<[string, Uint8Array]>([
    [
      "cut off",
      Cluster.encode(Cluster.fromPartial({ name: "workers" }))
        .finish()
        .subarray(0, 5),
    ],
    ["a field that goes past its message's end", new BinaryWriter().uint32(34).uint32(1).uint32(10).uint32(9).finish()],
    [
      "text that is not UTF-8",
      new BinaryWriter()
        .uint32(10)
        .bytes(new Uint8Array([0xff, 0xfe]))
        .finish(),
    ],
  ])("%s", (_, bytes) => {
    expect(violations(CLUSTER, bytes)).toEqual([expect.stringContaining("is not a well-formed message")]);
  });

  test("unknown fields and those of another wire type are skipped, as decoders do", () => {
    const bytes = new BinaryWriter().uint32(10).string("workers").uint32(8).uint32(1).uint32(16376).uint32(7).finish();
    expect(violations(CLUSTER, bytes)).toEqual([]);
  });
});

test("a type that is not generated is an error, not a pass", () => {
  expect(() => violations("envoy.made.up.v3.Thing", new Uint8Array())).toThrow(EvenkeelError);
});

test("every rule of every type is known", () => {
  let types = 0;
  for (const desc of descriptors()) {
    if (desc.kind !== "message") continue;
    planOf(desc);
    types += 1;
  }
  expect(types).toBeGreaterThan(400);
});
