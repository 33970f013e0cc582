import { readFile } from "node:fs/promises";
import { Agent, request } from "node:http";

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

/** A script ready to be sent, as `curl -F file=@…` would. */
export async function multipart(path: string, fileName: string): Promise<{ type: string; body: Buffer }> {
  const boundary = "evenkeel-demo-boundary-7d1c0a6b";
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${fileName}"\r\nContent-Type: text/x-python\r\n\r\n`;
  const body = Buffer.concat([Buffer.from(head), await readFile(path), Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return { type: `multipart/form-data; boundary=${boundary}`, body };
}

/** Uploads once. Never rejects: a failure is a result. */
export function upload(
  url: string,
  script: { type: string; body: Buffer },
  agent?: Agent,
  timeoutMs = 210_000,
): Promise<UploadResult> {
  const startedMs = performance.now();
  return new Promise((resolve) => {
    const finish = (status: number, body: string) =>
      resolve({
        startedMs,
        latencyMs: performance.now() - startedMs,
        status,
        body,
        ok: status === 200 && /"returncode":\s*0\b/.test(body),
      });
    const call = request(
      `${url}/reencrypt`,
      {
        method: "POST",
        headers: { "content-type": script.type, "content-length": script.body.length },
        ...(agent === undefined ? {} : { agent }),
        timeout: timeoutMs,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => finish(response.statusCode ?? 0, Buffer.concat(chunks).toString()));
        response.on("error", (error) => finish(0, error.message));
      },
    );
    call.on("timeout", () => call.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    call.on("error", (error) => finish(0, error.message));
    call.end(script.body);
  });
}

/** A steady stream of uploads, `perSecond` of them whatever the answers do (open loop), over kept connections. */
export class UploadStream {
  readonly results: UploadResult[] = [];
  readonly #url: string;
  readonly #script: { type: string; body: Buffer };
  readonly #agent = new Agent({ keepAlive: true });
  readonly #running = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(url: string, script: { type: string; body: Buffer }) {
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
