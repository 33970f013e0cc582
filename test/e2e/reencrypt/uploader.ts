/**
 * Runs on the rig's network: uploads a file so many times a second, however slow the answers are, until SIGTERM; then waits
 * for the answers that are still to come. One JSON line for each upload on standard output, and one with their number at the
 * end. Nothing is sent twice.
 */
import { basename } from "node:path";
import { keptConnections } from "../../../cli/load/generator/connections.ts";
import { type Answer, exchange } from "../../../cli/load/generator/exchange.ts";
import { runModel } from "../../../cli/load/generator/models.ts";
import { multipart } from "../../../cli/load/multipart.ts";

/** Nothing is left out, or the model would not be open. */
const MOST_AT_ONCE = 1000;
const TIMEOUT_MS = 220_000;
/** Longer than any check; SIGTERM ends it. */
const DURATION_MS = 3_600_000;
const KEEP_BYTES = 4096;

const [target, file, perSecond] = process.argv.slice(2);
if (target === undefined || file === undefined || !(Number(perSecond) > 0))
  throw new Error("usage: uploader.ts URL FILE PER_SECOND");
const url = new URL("/reencrypt", target);
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());

const { type, body } = await multipart(file, basename(file));
const request = { url, method: "POST", headers: { "content-type": type }, body };
const agent = keptConnections(url, MOST_AT_ONCE);
let due = 0;
await runModel(
  { kind: "open", perSecond: Number(perSecond), durationMs: DURATION_MS, mostAtOnce: MOST_AT_ONCE },
  { send, skip: () => void due++ },
  stop.signal,
);
agent.destroy();
print({ due });

async function send(): Promise<void> {
  due++;
  const begin = Date.now();
  const answer = await exchange(request, { agent, timeoutMs: TIMEOUT_MS, keepBytes: KEEP_BYTES });
  const { status, latencyMs: ms } = answer;
  print({ begin, ms, status, ...(hasRun(answer) ? { ok: true } : { ok: false, text: answer.text }) });
}

/** Was the script run to its good end? */
function hasRun({ status, text }: Answer): boolean {
  return status === 200 && text.startsWith('{"returncode":0,');
}

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
