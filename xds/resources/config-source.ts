import { ApiVersion, ConfigSource } from "../../proto/generated/envoy/config/core/v3/config_source.ts";
import { duration } from "./duration.ts";

/** After this Envoy goes on without the resource, so that a control plane that is gone keeps nothing warming for ever. */
const INITIAL_FETCH_TIMEOUT_MS = 5000;

/** "From the stream that this came over." */
export function fromAds(): ConfigSource {
  return ConfigSource.fromPartial({
    configSourceSpecifier: { $case: "ads", ads: {} },
    resourceApiVersion: ApiVersion.V3,
    initialFetchTimeout: duration(INITIAL_FETCH_TIMEOUT_MS),
  });
}
