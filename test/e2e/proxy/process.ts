import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { type Child, startChild } from "../../../common/child.ts";
import { freePorts } from "../../../common/ports.ts";
import { type LoggingChild, startLogging } from "./log-lines.ts";

const COMMAND = resolve(import.meta.dirname, "../../../cli/evenkeel.ts");
const START_MS = 120_000;

/** One service of a configuration file, as it is written there. */
export interface WrittenService {
  readonly name: string;
  readonly domain: string;
  readonly hosts: readonly { readonly address: string; readonly port?: string | number }[];
  readonly rewriteHost?: boolean;
}

/** A service as the tests write it: its domain follows from its name. */
export const service = (name: string, ...hosts: WrittenService["hosts"]): WrittenService => ({
  name,
  domain: `${name}.example.com`,
  hosts,
});

/** Where a host is, as it stands in a service. */
export const at = ({ address, port }: { readonly address: string; readonly port: number }) => ({
  address,
  port: String(port),
});

/** `evenkeel proxy` as a process of its own, with a real Envoy. */
export interface ProxyProcess extends LoggingChild {
  readonly port: number;
  readonly url: string;
  readonly envoyPid: number;
  readonly adminPort: number;
  readonly path: string;
  /** Writes the configuration file anew, in place at once. */
  write(text: string): Promise<void>;
  /** The same, out of services. */
  writeServices(services: readonly WrittenService[]): Promise<void>;
  stop(): Promise<void>;
}

/** The text of a configuration file. */
export function configText(port: number, services: readonly WrittenService[]): string {
  return stringify({ proxy: { listen: { address: "127.0.0.1", port }, services } });
}

/** Starts `evenkeel proxy` as it is called in a terminal. */
export async function startProxyCommand(args: readonly string[]): Promise<Child> {
  return await startChild(process.execPath, [COMMAND, "proxy", ...args], { name: "evenkeel proxy", cwd: tmpdir() });
}

/** Starts a command of Evenkeel as it is called in a terminal, and follows its log. */
export async function startEvenkeel(command: string, args: readonly string[]): Promise<LoggingChild> {
  const name = `evenkeel ${command}`;
  return await startLogging(process.execPath, [COMMAND, command, ...args], { name, cwd: tmpdir() });
}

/** Writes a file anew, in place at once. */
export async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

/** Starts the proxy with these services and waits until it serves. */
export async function startProxyProcess(
  services: readonly WrittenService[],
  args: readonly string[] = [],
): Promise<ProxyProcess> {
  const [port = 0] = await freePorts(1);
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-proxy-"));
  const path = join(folder, "config.yaml");
  const write = (text: string) => replaceFile(path, text);
  await write(configText(port, services));
  const { child, logged } = await startEvenkeel("proxy", ["--config-file", path, ...args]);
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
