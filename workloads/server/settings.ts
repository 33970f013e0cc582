import { availableParallelism } from "node:os";
import { is, type Parser } from "../../common/settings.ts";

const DAY_MS = 86_400_000;

/** What differs between the servers. */
export interface ServerDefaults {
  /** What its environment variables begin with. */
  readonly env: string;
  readonly port: string;
  readonly drainTimeout: string;
  /** What it accepts, in the plural. */
  readonly accepts: string;
}

/** The settings of every server that finishes what it has accepted before it ends. */
export function serverSettings({ env, port, drainTimeout, accepts }: ServerDefaults) {
  return {
    host: {
      flag: "host",
      env: `${env}_HOST`,
      parse: is.text,
      default: "0.0.0.0",
      value: "ADDRESS",
      help: "address to listen on",
    },
    port: {
      flag: "port",
      env: `${env}_PORT`,
      parse: is.port({ zero: true }),
      default: port,
      value: "PORT",
      help: "port to listen on; 0 takes a free one",
    },
    drainTimeout: {
      flag: "drain-timeout",
      env: `${env}_DRAIN_TIMEOUT`,
      parse: is.duration(0, DAY_MS),
      default: drainTimeout,
      value: "TIME",
      help: `how long accepted ${accepts} may take to finish after SIGTERM`,
    },
  } as const;
}

/** A number from 1 to `max`, or `auto`: as many as the CPUs that this process may use, its cgroup's quota counted. */
export function countOrCpus(max: number): Parser<number> {
  return (text) => (text === "auto" ? availableParallelism() : is.integer(1, max)(text));
}
