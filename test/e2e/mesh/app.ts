/**
 * The app of the mesh check, in a pod: each answer says which pod gave it, and costs about a millisecond of CPU.
 * `/busy?ms=N` burns a CPU for so long, beside the requests.
 */
import { createServer } from "node:http";
import { Worker } from "node:worker_threads";

const COST_MS = 1;
const PORT = 8080;
const MOST_BUSY_MS = 180_000;
/** Runs in a thread of its own. */
const BURN = "const end = Date.now() + require('node:worker_threads').workerData; while (Date.now() < end);";

const server = createServer((request, response) => {
  const url = new URL(request.url ?? "/", "http://app");
  if (url.pathname === "/busy") {
    const ms = Math.min(Number(url.searchParams.get("ms")) || 0, MOST_BUSY_MS);
    new Worker(BURN, { eval: true, workerData: ms });
    response.end(`${Date.now()}`);
    return;
  }
  if (url.pathname !== "/health") burn(COST_MS);
  response.setHeader("x-pod", process.env.POD_NAME ?? "");
  response.end("ok\n");
});
// Longer than Envoy keeps an idle connection between two of these requests: else both ends may let go of it at once.
server.keepAliveTimeout = 120_000;
server.listen(PORT, process.env.HOST ?? "0.0.0.0");
process.once("SIGTERM", () => server.close(() => process.exit(0)));

function burn(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}
