import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import { ACTIVE_REQUEST_BIAS, CHOICES } from "../../../common/least-request.ts";
import { GRPC_SOURCE } from "../../../sidecar/bootstrap/grpc-source.ts";
import { envoyFilterName, gatewaySelector } from "../names.ts";
import type { Settled, WeightsMode } from "../resource.ts";
import { type DesiredObject, objectOf } from "./meta.ts";

/**
 * A gateway that starts while the control plane is away must not serve with no endpoints: it waits, and is not ready. Before
 * this time is over the operator takes istiod's endpoints again, so nothing waits for ever (Istio's own 0 s would, if the
 * operator is away too).
 */
const INITIAL_FETCH_TIMEOUT = "120s";

/** Has the gateway's Envoy ask our control plane, and no longer istiod, for the target's endpoints and their weights. */
export function envoyFilter(settled: Settled, mode: WeightsMode, host: string): DesiredObject {
  return {
    ...objectOf(RESOURCES.envoyFilters, settled, envoyFilterName(settled.name), {
      // istioctl analyze warns of every EnvoyFilter there is. No other API of Istio's can say where endpoints come from.
      annotations: { "galley.istio.io/analyze-suppress": "IST0133" },
    }),
    spec: {
      workloadSelector: { labels: gatewaySelector(settled.name, settled.namespace) },
      configPatches: [
        {
          applyTo: "CLUSTER",
          match: { context: "GATEWAY", cluster: { service: host, portNumber: settled.port } },
          patch: {
            operation: "MERGE",
            value: {
              eds_cluster_config: { eds_config: fromControlPlane(mode) },
              load_balancing_policy: leastRequest(),
            },
          },
        },
      ],
    },
  };
}

function fromControlPlane(mode: WeightsMode): object {
  return {
    initial_fetch_timeout: INITIAL_FETCH_TIMEOUT,
    resource_api_version: "V3",
    api_config_source: { api_type: mode, ...GRPC_SOURCE },
  };
}

function leastRequest(): object {
  return {
    policies: [
      {
        typed_extension_config: {
          name: "envoy.load_balancing_policies.least_request",
          typed_config: {
            "@type": "type.googleapis.com/envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest",
            choice_count: CHOICES,
            active_request_bias: { default_value: ACTIVE_REQUEST_BIAS, runtime_key: "evenkeel.active_request_bias" },
          },
        },
      },
    ],
  };
}
