import { EvenkeelError } from "../../common/errors.ts";
import { is, type Parser, type Setting } from "../../common/settings.ts";
import { mostUsers } from "../../k6/lib/options.js";
import { ENGINES } from "./engine.ts";
import type { Model } from "./generator/models.ts";
import { targetUrl } from "./target.ts";

const DAY_MS = 24 * 3_600_000;
const USUAL_TOTAL = 100;
const USUAL_DURATION_MS = 30_000;

/** The text that is not given is empty. */
function given<T>(parse: Parser<T>): Parser<T | undefined> {
  return (text) => (text === "" ? undefined : parse(text));
}

/** The settings that every scenario has: how much load, of which model, and what is told of it. */
export const LOAD_SETTINGS = {
  total: {
    flag: "total",
    short: "n",
    value: "N",
    parse: given(is.integer(1, 10_000_000)),
    default: "",
    help: `requests in all, ${USUAL_TOTAL} unless given (closed model: without --rate)`,
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
    parse: given(is.duration(1000, DAY_MS)),
    default: "",
    help: `how long the open model lasts, ${USUAL_DURATION_MS / 1000}s unless given; needs --rate`,
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

/** The values of {@link LOAD_SETTINGS}; what is not given is told by {@link oneModel}. */
export interface GivenValues extends Omit<LoadValues, "total" | "duration"> {
  readonly total: number | undefined;
  readonly duration: number | undefined;
}

/** What a load is made from. */
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

/**
 * Sees that the settings are those of one model, and completes them.
 * @param usualTotal the requests of a closed model that is given no --total
 * @throws EvenkeelError EK_SETTING_INVALID for a setting that the model would not heed
 */
export function oneModel(values: GivenValues, usualTotal = USUAL_TOTAL): LoadValues {
  const { rate, total = usualTotal, duration = USUAL_DURATION_MS } = values;
  if (rate === undefined && values.duration !== undefined)
    throw new EvenkeelError("EK_SETTING_INVALID", "only a load with a rate lasts a given time", {
      where: "--duration",
      next: "give --rate R with it, or --total N instead of it",
    });
  if (rate !== undefined && values.total !== undefined)
    throw new EvenkeelError("EK_SETTING_INVALID", "a load with a rate ends by its time, not by a number of requests", {
      where: "--total",
      next: "give --duration TIME instead of it, or leave --rate out",
    });
  return { ...values, total, duration };
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
