/**
 * Runs on the rig's network: asks /load, one request after the other, and /health, each with a connection of its own, so
 * that the Service chooses anew. One JSON line for each answer on standard output, until SIGTERM.
 */
import { request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const TIMEOUT_MS = 60_000;
const HEALTH_EVERY_MS = 500;

const [base, paths = "/load,/health"] = process.argv.slice(2);
if (base === undefined) throw new Error("usage: prober.ts URL [PATHS]");
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());

await Promise.all(paths.split(",").map((path) => probe(path, path === "/load" ? 0 : HEALTH_EVERY_MS)));

async function probe(path: string, everyMs: number): Promise<void> {
  while (!stop.signal.aborted) {
    const begin = Date.now();
    const answer = await ask(path);
    // What was broken off at the end is nobody's failure.
    if (stop.signal.aborted) return;
    process.stdout.write(`${JSON.stringify({ path, begin, ms: Date.now() - begin, ...answer })}\n`);
    await sleep(answer.failed ? 500 : everyMs, undefined, { signal: stop.signal }).catch(() => undefined);
  }
}

function ask(path: string): Promise<{ failed: boolean; what?: string }> {
  return new Promise((resolve) => {
    const asked = request(`${base}${path}`, { agent: false, timeout: TIMEOUT_MS, signal: stop.signal }, (response) => {
      response.resume();
      response.once("error", (error) => resolve({ failed: true, what: error.message }));
      response.once("end", () =>
        resolve(response.statusCode === 200 ? { failed: false } : { failed: true, what: `${response.statusCode}` }),
      );
    });
    asked.once("timeout", () => asked.destroy(new Error("no answer in time")));
    asked.once("error", (error) => resolve({ failed: true, what: error.message }));
    asked.end();
  });
}
