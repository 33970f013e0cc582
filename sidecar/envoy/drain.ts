import type { RunningEnvoy } from "./run.ts";

const POLL_MS = 200;
/**
 * How long idle connections are kept open, in ms. From the drain's begin every answer closes its connection; one that a client
 * keeps for its next request is not cut just when that request is on its way.
 */
const IDLE_CONNECTIONS_MS = 5000;

/**
 * Lets an Envoy finish: it fails health checks and asks its clients to close their connections, then ends as soon as no
 * request is under way and the connections are closed or long idle, after `timeoutMs` at the latest.
 * @returns whether every request was finished
 */
export async function drain(envoy: RunningEnvoy, timeoutMs: number): Promise<boolean> {
  const begin = performance.now();
  const deadline = begin + timeoutMs;
  let ended = false;
  envoy.child.exited.then(() => {
    ended = true;
  });
  let finished = false;
  try {
    await envoy.admin("/healthcheck/fail", "POST");
    await envoy.admin("/drain_listeners?graceful&skip_exit", "POST");
    // The first look comes after a pause: a request may be on its way in just now.
    for (let done = false; !ended && !done && performance.now() < deadline; ) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      const { requests, connections } = underWay(await envoy.admin("/stats?filter=downstream_(rq|cx)_active$"));
      finished = requests === 0;
      done = finished && (connections === 0 || performance.now() > begin + IDLE_CONNECTIONS_MS);
    }
  } catch {
    // An Envoy that does not answer has nothing left to finish.
  }
  await envoy.stop();
  return finished;
}

/** Requests and client connections that are open, from `/stats` text; the admin server's own do not count. */
export function underWay(stats: string): { requests: number; connections: number } {
  const sums = { rq: 0, cx: 0 };
  for (const line of stats.split("\n")) {
    const match = /^http\.(?!admin\.)\S+\.downstream_(rq|cx)_active: (\d+)$/.exec(line);
    if (match !== null) sums[match[1] as "rq" | "cx"] += Number(match[2]);
  }
  return { requests: sums.rq, connections: sums.cx };
}
