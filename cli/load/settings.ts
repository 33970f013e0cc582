import { is, type Setting } from "../../common/settings.ts";
import { mostUsers } from "../../k6/lib/options.js";
import { ENGINES } from "./engine.ts";
import type { Model } from "./generator/models.ts";
import { targetUrl } from "./target.ts";

const DAY_MS = 24 * 3_600_000;

/** The settings that every scenario has: how much load, of which model, and what is told of it. */
export const LOAD_SETTINGS = {
  total: {
    flag: "total",
    short: "n",
    value: "N",
    parse: is.integer(1, 10_000_000),
    default: "100",
    help: "requests in all (closed model: without --rate)",
  },
  concurrent: {
    flag: "concurrent",
    short: "c",
    value: "C",
    parse: is.integer(1, 10_000),
    default: "10",
    help: "requests at once; with --rate: users at first, more when answers are slow (at most 50 times, or 5000)",
  },
  rate: {
    flag: "rate",
    value: "R",
    parse: (text: string) => (text === "none" ? undefined : is.integer(1, 100_000)(text)),
    default: "none",
    help: "requests a second, however slow the answers are (open model)",
  },
  duration: {
    flag: "duration",
    value: "TIME",
    parse: is.duration(1000, DAY_MS),
    default: "30s",
    help: "how long the open model lasts",
  },
  timeout: {
    flag: "timeout",
    value: "TIME",
    parse: is.duration(1, DAY_MS),
    default: "220s",
    help: "time limit of one request; the default leaves the gateway's own 200 s room to answer",
  },
  report: {
    flag: "report",
    value: "FILE",
    parse: (text: string) => (text === "" ? undefined : text),
    default: "",
    help: "write k6's HTML report with its charts there; needs k6 and a run of some seconds",
  },
  engine: {
    flag: "engine",
    value: "NAME",
    parse: is.choice(...ENGINES),
    default: "auto",
    help: "k6, built-in, or auto: k6 if it is installed, else the built-in generator",
  },
  json: { flag: "json", parse: is.flag, help: "print the figures as one JSON object" },
} as const satisfies Record<string, Setting<unknown>>;

/** The `--url` of a scenario that asks for `path`. */
export function urlSetting(path: string) {
  return {
    flag: "url",
    short: "u",
    value: "URL",
    parse: (text: string) => targetUrl(text, path),
    help: `the service, http or https; ${path} is added if it is not there`,
  } as const satisfies Setting<URL>;
}

/** The values of {@link LOAD_SETTINGS}. */
export interface LoadValues {
  readonly total: number;
  readonly concurrent: number;
  readonly rate: number | undefined;
  readonly duration: number;
  readonly timeout: number;
  readonly report: string | undefined;
  readonly engine: (typeof ENGINES)[number];
  readonly json: boolean;
}

/** What the scripts in k6/ read from their environment. */
export function scriptEnv(values: LoadValues): Record<string, string> {
  return {
    CONCURRENT: String(values.concurrent),
    TIMEOUT: `${values.timeout}ms`,
    ...(values.rate === undefined
      ? { TOTAL: String(values.total) }
      : { RATE: String(values.rate), DURATION: `${values.duration}ms` }),
  };
}

/** The same load for the built-in generator. */
export function modelOf(values: LoadValues): Model {
  const { total, concurrent, rate, duration } = values;
  return rate === undefined
    ? { kind: "closed", total, concurrent }
    : { kind: "open", perSecond: rate, durationMs: duration, mostAtOnce: mostUsers(concurrent) };
}
