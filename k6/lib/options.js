/** What the open model may raise its users to, for each one that it starts with, and in all. */
const MORE_USERS = 50;
const MOST_USERS = 5000;
/** The longest that k6 lets a closed model run; each request has its own time limit. */
const LONGEST = "24h";

const number = (env, name, fallback) => {
  const text = env[name];
  if (text === undefined || text === "") return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${name}=${text} is not a whole number of at least 1`);
  return value;
};

/** How many users, each with one request under way, an open model that begins with `users` may come to. */
export const mostUsers = (users) => Math.max(users, Math.min(users * MORE_USERS, MOST_USERS));

/** The time limit of one request, as k6 takes it. */
export const timeoutOf = (env) => env.TIMEOUT || "220s";

/**
 * k6's options for a load given by the environment. With RATE the model is open: that many requests a second for
 * DURATION, however slow the answers; CONCURRENT users are there at first. Without RATE it is closed: TOTAL requests,
 * CONCURRENT at once.
 */
export function loadOptions(env) {
  const rate = number(env, "RATE", undefined);
  const users = number(env, "CONCURRENT", 10);
  const total = number(env, "TOTAL", 100);
  const gracefulStop = timeoutOf(env);
  const open = {
    executor: "constant-arrival-rate",
    rate,
    timeUnit: "1s",
    duration: env.DURATION || "30s",
    preAllocatedVUs: users,
    maxVUs: mostUsers(users),
    gracefulStop,
  };
  const closed = {
    executor: "shared-iterations",
    // k6 refuses more users than iterations.
    vus: Math.min(users, total),
    iterations: total,
    maxDuration: LONGEST,
    gracefulStop,
  };
  return {
    scenarios: { load: rate === undefined ? closed : open },
    thresholds: {
      // One answer other than 200, or none at all, fails the run.
      request_ok: ["rate==1"],
      ...(rate === undefined ? { iterations: [`count>=${total}`] } : { dropped_iterations: ["count==0"] }),
    },
    summaryTrendStats: ["p(50)", "p(95)", "p(99)"],
    discardResponseBodies: true,
    maxRedirects: 0,
    userAgent: "evenkeel-load",
  };
}
