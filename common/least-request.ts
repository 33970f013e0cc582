/** How the Envoys that we configure pick an endpoint by LEAST_REQUEST: the control plane's clusters and Istio's gateways alike. */

/**
 * How strongly requests under way lower an endpoint's weight, when weights differ. Envoy's own default is 1. Measured in the
 * law's simulation (docs/weights.md): about the same p99 in a calm fleet, and about half of it where the fleet is short of CPU.
 */
export const ACTIVE_REQUEST_BIAS = 2;

/**
 * How many random endpoints are compared while weights are equal. Eight do as well as all (docs/weights.md), and unlike a scan
 * of all a retry can get past an endpoint that is full but has fewer requests of this Envoy than any other.
 */
export const CHOICES = 8;
