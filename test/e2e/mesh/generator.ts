/**
 * Runs on the rig's network: asks a URL at a steady rate, whatever the answers do; every second request on a connection of
 * its own, the others on connections that are kept. One JSON line for each answer on standard output, until SIGTERM.
 */
import { Agent, request } from "node:http";

const TIMEOUT_MS = 30_000;
/** More than come in that time at any rate of this check: a failure of the service, and no reason to ask more. */
const MOST_AT_ONCE = 10_000;
const KEPT_CONNECTIONS = 4;

const [url, rateText] = process.argv.slice(2);
const rate = Number(rateText);
if (url === undefined || !(rate > 0 && rate <= 1000)) throw new Error("usage: generator.ts URL REQUESTS_PER_SECOND");

const kept = new Agent({ keepAlive: true, maxSockets: KEPT_CONNECTIONS, scheduling: "fifo" });
let asked = 0;
let underWay = 0;
let stopping = false;
const begin = performance.now();
const timer = setInterval(askDue, Math.max(1, 500 / rate));
process.once("SIGTERM", () => {
  stopping = true;
  clearInterval(timer);
  finish();
});

function askDue(): void {
  const due = Math.floor(((performance.now() - begin) / 1000) * rate);
  // What a pause of this process has held up is not made up for in one burst.
  asked = Math.max(asked, due - 5);
  for (; asked < due; asked += 1) ask(asked % 2 === 0);
}

function ask(keep: boolean): void {
  const at = Date.now();
  const startedMs = performance.now();
  const tell = (answer: object) =>
    process.stdout.write(`${JSON.stringify({ at, ms: Math.round(performance.now() - startedMs), keep, ...answer })}\n`);
  if (underWay >= MOST_AT_ONCE) return void tell({ failed: `${underWay} requests are under way` });
  underWay += 1;
  const options = { agent: keep ? kept : (false as const), timeout: TIMEOUT_MS };
  const asking = request(url as string, options, (response) => {
    let body = "";
    response.setEncoding("utf8");
    response.on("data", (text: string) => {
      body += text.slice(0, 200);
    });
    response.once("error", (error) => done({ failed: `the answer broke off: ${error.message}` }));
    response.once("end", () => {
      const gateway = response.headers["x-envoy-upstream-service-time"] !== undefined;
      const pod = String(response.headers["x-pod"] ?? "");
      if (response.statusCode === 200) done({ pod, gateway });
      else done({ gateway, failed: `${response.statusCode} ${response.headers.server ?? ""} ${body.trim()}` });
    });
  });
  asking.once("timeout", () => asking.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
  asking.on("error", (error: NodeJS.ErrnoException) =>
    done({ failed: `${error.code ?? ""} ${error.message}${asking.reusedSocket ? " (kept connection)" : ""}`.trim() }),
  );
  asking.end();
  let isDone = false;
  function done(answer: object): void {
    if (isDone) return;
    isDone = true;
    underWay -= 1;
    tell(answer);
    finish();
  }
}

function finish(): void {
  if (!stopping || underWay > 0) return;
  kept.destroy();
  process.exit(0);
}
