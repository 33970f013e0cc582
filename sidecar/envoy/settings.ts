import { is } from "../../common/settings.ts";

/**
 * The settings of every command that runs an Envoy.
 * @param defaults.maxHeap as the user would write it
 */
export function envoySettings(defaults: { readonly maxHeap: string }) {
  return {
    adminPort: {
      flag: "admin-port",
      env: "EVENKEEL_ADMIN_PORT",
      value: "PORT",
      default: "0",
      parse: is.port({ zero: true }),
      help: "Envoy's admin server on loopback; 0 for a free port, which is logged",
    },
    maxHeap: {
      flag: "max-heap",
      env: "EVENKEEL_MAX_HEAP",
      value: "SIZE",
      default: defaults.maxHeap,
      parse: is.bytes(64 * 2 ** 20, 2 ** 40),
      help: "heap at which new requests are turned away, such as 1GiB",
    },
    concurrency: {
      flag: "concurrency",
      env: "EVENKEEL_CONCURRENCY",
      value: "THREADS",
      default: "0",
      parse: is.integer(0, 256),
      help: "Envoy's worker threads; 0 for one for each CPU",
    },
    drainTimeout: {
      flag: "drain-timeout",
      env: "EVENKEEL_DRAIN_TIMEOUT",
      value: "TIME",
      default: "25s",
      parse: is.duration(0, 3_600_000),
      help: "how long requests under way may take after SIGTERM",
    },
    envoyLogLevel: {
      flag: "envoy-log-level",
      env: "EVENKEEL_ENVOY_LOG_LEVEL",
      value: "LEVEL",
      default: "warning",
      parse: is.choice("trace", "debug", "info", "warning", "error"),
      help: "how much Envoy itself logs",
    },
  } as const;
}
