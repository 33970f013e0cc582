import { readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { type Child, startChild } from "../../common/child.ts";
import { EvenkeelError } from "../../common/errors.ts";
import { temporaryFolder } from "../../common/temporary-folder.ts";
import { tiedToUs } from "./tied.ts";

const START_TIMEOUT_MS = 60_000;
const POLL_MS = 50;

export interface RunEnvoyOptions {
  readonly binary: string;
  /** Envoy's bootstrap, as JSON, with an admin address. */
  readonly config: object;
  /** For messages. */
  readonly name: string;
  /** Worker threads; Envoy's own default is one for each CPU. */
  readonly concurrency?: number;
  readonly logLevel?: "trace" | "debug" | "info" | "warning" | "error";
  readonly onLine?: (line: string, stream: "stdout" | "stderr") => void;
}

/** An Envoy that we started. */
export interface RunningEnvoy {
  readonly child: Child;
  /** Its admin server's port on loopback. */
  readonly adminPort: number;
  /** The same as a URL, e.g. `http://127.0.0.1:40003`. */
  readonly adminUrl: string;
  /**
   * Settles when Envoy has its first configuration and takes requests.
   * @throws EvenkeelError EK_TIMEOUT, EK_CHILD_FAILED
   */
  ready(timeoutMs?: number): Promise<void>;
  /**
   * Asks the admin server, e.g. `/clusters?format=json`. `POST` for what changes something.
   * @returns the answer's body
   * @throws EvenkeelError EK_CHILD_FAILED when it answers with an error or not at all
   */
  admin(path: string, method?: "GET" | "POST"): Promise<string>;
  /** Ends Envoy at once: requests under way are cut. See `drain` in drain.ts for the gentle way. */
  stop(): Promise<void>;
}

/**
 * Starts Envoy with a bootstrap and waits for its admin server.
 * @throws EvenkeelError EK_PROGRAM_MISSING, EK_CHILD_FAILED when it refuses its configuration, EK_TIMEOUT
 */
export async function runEnvoy(options: RunEnvoyOptions): Promise<RunningEnvoy> {
  const folder = await temporaryFolder("envoy");
  const configPath = join(folder, "bootstrap.json");
  const adminPath = join(folder, "admin-address");
  await writeFile(configPath, JSON.stringify(options.config), { mode: 0o600 });
  let child: Child;
  try {
    const [command, ...before] = await tiedToUs(options.binary);
    child = await startChild(
      command,
      [
        ...before,
        ...["-c", configPath, "--admin-address-path", adminPath, "--disable-hot-restart"],
        ...["--log-level", options.logLevel ?? "warning"],
        // When it drains, every answer closes its connection: the time to drain is bounded, so none can be left to chance.
        ...["--drain-strategy", "immediate"],
        // Access logs come within a second, not ten.
        ...["--file-flush-interval-msec", "1000"],
        ...(options.concurrency === undefined ? [] : ["--concurrency", String(options.concurrency)]),
      ],
      { name: options.name, ...(options.onLine === undefined ? {} : { onLine: options.onLine }) },
    );
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
  const cleaned = child.exited.then(() => rm(folder, { recursive: true, force: true }));
  const stop = async () => {
    await child.stop();
    await cleaned;
  };
  try {
    const adminPort = await until(child, START_TIMEOUT_MS, "its admin server", () => readAdminPort(adminPath));
    const adminUrl = `http://127.0.0.1:${adminPort}`;
    return {
      child,
      adminPort,
      adminUrl,
      async ready(timeoutMs = START_TIMEOUT_MS) {
        await until(child, timeoutMs, `a configuration (state at ${adminUrl}/init_dump)`, () => isLive(adminPort));
      },
      async admin(path, method = "GET") {
        const answer = await ask(adminPort, path, method).catch((cause: Error) => {
          throw new EvenkeelError("EK_CHILD_FAILED", `${child.name}'s admin server does not answer: ${cause.message}`, {
            where: `${adminUrl}${path}`,
            cause,
          });
        });
        if (answer.status === 200) return answer.body;
        throw new EvenkeelError("EK_CHILD_FAILED", `${child.name}'s admin server answers ${answer.status}`, {
          where: `${adminUrl}${path}`,
        });
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Tries until there is a value. Fails at once when the program has ended. */
async function until<T>(child: Child, timeoutMs: number, what: string, look: () => Promise<T | undefined>): Promise<T> {
  let ended = false;
  child.exited.then(() => {
    ended = true;
  });
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await look();
    if (value !== undefined) return value;
    if (ended)
      throw new EvenkeelError("EK_CHILD_FAILED", `${child.name} ended: ${child.lastLines().slice(-5).join(" | ")}`);
    if (performance.now() > deadline)
      throw new EvenkeelError("EK_TIMEOUT", `${child.name} had not ${what} after ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function readAdminPort(path: string): Promise<number | undefined> {
  const text = await readFile(path, "utf8").catch(() => "");
  const port = Number(/:(\d+)$/.exec(text.trim())?.[1]);
  return port > 0 ? port : undefined;
}

async function isLive(adminPort: number): Promise<true | undefined> {
  const answer = await ask(adminPort, "/ready", "GET").catch(() => undefined);
  return answer?.status === 200 ? true : undefined;
}

function ask(port: number, path: string, method: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    // No connection is kept: an idle one would hold up Envoy's end.
    const asked = request({ host: "127.0.0.1", port, path, method, agent: false, timeout: 10_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      response.on("error", reject);
    });
    asked.on("timeout", () => asked.destroy(new Error("no answer in 10 s")));
    asked.on("error", reject);
    asked.end();
  });
}
