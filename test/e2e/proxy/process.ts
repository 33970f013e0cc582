import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { type Child, startChild } from "../../../common/child.ts";
import { EvenkeelError } from "../../../common/errors.ts";
import { freePorts } from "../../../common/ports.ts";

const COMMAND = resolve(import.meta.dirname, "../../../cli/evenkeel.ts");
const START_MS = 120_000;
const POLL_MS = 50;

/** One service of a configuration file, as it is written there. */
export interface WrittenService {
  readonly name: string;
  readonly domain: string;
  readonly hosts: readonly { readonly address: string; readonly port?: string | number }[];
}

/** `evenkeel proxy` as a process of its own, with a real Envoy. */
export interface ProxyProcess {
  readonly child: Child;
  readonly port: number;
  readonly url: string;
  readonly envoyPid: number;
  readonly adminPort: number;
  readonly path: string;
  /** Writes the configuration file anew, in place at once. */
  write(text: string): Promise<void>;
  /** The same, out of services. */
  writeServices(services: readonly WrittenService[]): Promise<void>;
  /** Waits for a log line that comes after what was seen before, and holds the text. */
  logged(text: string, timeoutMs?: number): Promise<string>;
  stop(): Promise<void>;
}

/** The text of a configuration file. */
export function configText(port: number, services: readonly WrittenService[]): string {
  return stringify({ proxy: { listen: { address: "127.0.0.1", port }, services } });
}

/** Starts `evenkeel proxy` as it is called in a terminal. */
export async function startProxyCommand(args: readonly string[], onLine?: (line: string) => void): Promise<Child> {
  return await startChild(process.execPath, [COMMAND, "proxy", ...args], {
    name: "evenkeel proxy",
    cwd: tmpdir(),
    ...(onLine === undefined ? {} : { onLine }),
  });
}

/** Starts the proxy with these services and waits until it serves. */
export async function startProxyProcess(
  services: readonly WrittenService[],
  args: readonly string[] = [],
): Promise<ProxyProcess> {
  const [port = 0] = await freePorts(1);
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-proxy-"));
  const path = join(folder, "config.yaml");
  const write = async (text: string) => {
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
  };
  await write(configText(port, services));
  const lines: string[] = [];
  let seen = 0;
  const child = await startProxyCommand(["--config-file", path, ...args], (line) => void lines.push(line));
  let ended = false;
  child.exited.then(() => {
    ended = true;
  });
  const logged = async (text: string, timeoutMs = 60_000) => {
    for (const deadline = performance.now() + timeoutMs; ; ) {
      const at = lines.findIndex((line, index) => index >= seen && line.includes(text));
      if (at !== -1) {
        seen = at + 1;
        return lines[at] as string;
      }
      if (ended || performance.now() > deadline)
        throw new EvenkeelError("EK_TIMEOUT", `the proxy did not log ${JSON.stringify(text)}`, {
          where: lines.slice(-10).join(" | "),
        });
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  };
  const stop = async () => {
    await child.stop(30_000);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const serving = JSON.parse(await logged('"msg":"serving"', START_MS)) as { pid: number; adminPort: number };
    return {
      child,
      port,
      url: `http://127.0.0.1:${port}`,
      envoyPid: serving.pid,
      adminPort: serving.adminPort,
      path,
      write,
      writeServices: async (next) => await write(configText(port, next)),
      logged,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
