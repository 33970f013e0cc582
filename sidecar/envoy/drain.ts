import type { RunningEnvoy } from "./run.ts";

const POLL_MS = 200;

/**
 * Lets an Envoy finish: it fails health checks and asks its clients to close their connections, then ends as soon as no
 * request is under way, after `timeoutMs` at the latest.
 * @returns whether every request was finished
 */
export async function drain(envoy: RunningEnvoy, timeoutMs: number): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  let ended = false;
  envoy.child.exited.then(() => {
    ended = true;
  });
  let finished = false;
  try {
    await envoy.admin("/healthcheck/fail", "POST");
    await envoy.admin("/drain_listeners?graceful&skip_exit", "POST");
    // The first look comes after a pause: a request may be on its way in just now.
    while (!ended && !finished && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      finished = activeRequests(await envoy.admin("/stats?filter=downstream_rq_active$")) === 0;
    }
  } catch {
    // An Envoy that does not answer has nothing left to finish.
  }
  await envoy.stop();
  return finished;
}

/** Requests under way, from `/stats` text; the admin server's own do not count. */
export function activeRequests(stats: string): number {
  let active = 0;
  for (const line of stats.split("\n")) {
    const match = /^http\.(?!admin\.)\S+\.downstream_rq_active: (\d+)$/.exec(line);
    if (match !== null) active += Number(match[1]);
  }
  return active;
}
