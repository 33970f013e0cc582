import { type Logger, pino, stdTimeFunctions } from "pino";

export type { Logger };

const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LEVELS)[number];

/** The levels that `EVENKEEL_LOG_LEVEL` and `--log-level` take. */
export const LOG_LEVELS: readonly LogLevel[] = LEVELS;

const root = pino(
  {
    level: LEVELS.find((level) => level === process.env.EVENKEEL_LOG_LEVEL) ?? "info",
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  },
  // Standard output is a command's answer; logs go to standard error, at once, so that a crash loses none.
  pino.destination({ dest: 2, sync: true }),
);

/** A structured logger (one JSON object a line, on standard error) whose lines carry `component`. */
export function logger(component: string): Logger {
  return root.child({ component });
}

/** Sets the level of loggers made from now on. */
export function setLogLevel(level: LogLevel): void {
  root.level = level;
}
