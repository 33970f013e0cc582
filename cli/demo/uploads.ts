import { Agent } from "node:http";
import { exchange } from "../load/generator/exchange.ts";
import type { Multipart } from "../load/multipart.ts";

/** One upload as the client saw it. */
export interface UploadResult {
  /** When it was sent, in ms of `performance.now()`. */
  readonly startedMs: number;
  readonly latencyMs: number;
  /** 0 when no answer came. */
  readonly status: number;
  /** The answer's body, or what went wrong. */
  readonly body: string;
  /** True for 200 with return code 0. */
  readonly ok: boolean;
}

/** Far more than a worker's answer to one of the demo's scripts, in bytes. */
const KEEP_BYTES = 1 << 20;

/** Uploads once. Never rejects: a failure is a result. */
export async function upload(
  url: string,
  script: Multipart<Buffer>,
  agent?: Agent,
  timeoutMs = 210_000,
): Promise<UploadResult> {
  const startedMs = performance.now();
  const { status, text, latencyMs } = await exchange(
    {
      url: new URL(`${url}/reencrypt`),
      method: "POST",
      headers: { "content-type": script.type },
      body: script.body,
    },
    { timeoutMs, keepBytes: KEEP_BYTES, ...(agent === undefined ? {} : { agent }) },
  );
  return { startedMs, latencyMs, status, body: text, ok: status === 200 && /"returncode":\s*0\b/.test(text) };
}

/** A steady stream of uploads, `perSecond` of them whatever the answers do (open loop), over kept connections. */
export class UploadStream {
  readonly results: UploadResult[] = [];
  readonly #url: string;
  readonly #script: Multipart<Buffer>;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #running = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(url: string, script: Multipart<Buffer>) {
    this.#url = url;
    this.#script = script;
  }

  get inFlight(): number {
    return this.#running.size;
  }

  start(perSecond: number): void {
    this.#timer = setInterval(() => this.#send(), 1000 / perSecond);
  }

  /** Sends no more, and waits for those under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#running);
    this.end();
  }

  /** Sends no more, and gives up those under way. */
  end(): void {
    clearInterval(this.#timer);
    this.#agent.destroy();
  }

  #send(): void {
    const running = upload(this.#url, this.#script, this.#agent).then((result) => {
      this.results.push(result);
      this.#running.delete(running);
    });
    this.#running.add(running);
  }
}
