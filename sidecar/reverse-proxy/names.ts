import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Logger } from "../../common/log.ts";
import type { ProxyConfig } from "./config.ts";

/** Resolves a name; rejects when it cannot. */
export type Resolve = (name: string) => Promise<unknown>;

/** Node resolves in four threads; more at once would only wait, and hold up the files. */
const AT_ONCE = 2;
const AGAIN_MS = 15_000;

/** Says in the log which host names do not resolve, and when they do again. Envoy resolves by itself and says nothing. */
export class NameWatch {
  readonly #log: Logger;
  readonly #resolve: Resolve;
  readonly #againMs: number;
  #unresolved = new Set<string>();
  #round = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Logger, options: { readonly resolve?: Resolve; readonly againMs?: number } = {}) {
    this.#log = log;
    this.#resolve = options.resolve ?? ((name) => lookup(name));
    this.#againMs = options.againMs ?? AGAIN_MS;
  }

  /** Looks at the names of a configuration, and again from time to time at those that do not resolve. Never rejects. */
  async check(config: ProxyConfig): Promise<void> {
    this.close();
    this.#round += 1;
    const services = servicesByName(config);
    this.#unresolved = new Set([...this.#unresolved].filter((name) => services.has(name)));
    await this.#look([...services.keys()], services, this.#round);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#round += 1;
  }

  async #look(names: readonly string[], services: ReadonlyMap<string, string>, round: number): Promise<void> {
    const waiting = [...names];
    const worker = async () => {
      for (let name = waiting.shift(); name !== undefined && round === this.#round; name = waiting.shift())
        await this.#lookAt(name, services.get(name) ?? "");
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    if (round !== this.#round || this.#unresolved.size === 0) return;
    this.#timer = setTimeout(() => void this.#look([...this.#unresolved], services, round), this.#againMs);
    this.#timer.unref();
  }

  async #lookAt(host: string, service: string): Promise<void> {
    try {
      await this.#resolve(host);
      if (this.#unresolved.delete(host)) this.#log.info({ service, host }, "the host's name resolves now");
    } catch (error) {
      if (this.#unresolved.has(host)) return;
      this.#unresolved.add(host);
      const reason = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      this.#log.warn({ service, host, reason }, "the host's name does not resolve; it gets no requests until it does");
    }
  }
}

/** Each host name with the first service that has it. */
function servicesByName(config: ProxyConfig): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  for (const service of config.services)
    for (const { address } of service.hosts)
      if (isIP(address) === 0 && !names.has(address)) names.set(address, service.name);
  return names;
}
