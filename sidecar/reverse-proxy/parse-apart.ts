import { runApart } from "../../common/apart/run-apart.ts";
import type { ProxyConfig } from "./config.ts";
import type { FurtherFault } from "./parse.ts";

/** What the parsing thread is given. */
export interface ParseOrder {
  readonly text: string;
  /** The file's name, for messages. */
  readonly path: string;
  /** What was found wrong with the configuration besides its form: the thread only adds the lines. */
  readonly further: readonly FurtherFault[];
}

const BODY = new URL("./parse-thread.ts", import.meta.url);

/**
 * Reads the text of a configuration as `parseProxyConfig` does, in a thread of its own: thousands of services take seconds
 * of CPU.
 * @throws as {@link runApart} does; EvenkeelError EK_PROXY_CONFIG_INVALID, always when there is something in `further`
 */
export function parseApart(order: ParseOrder, signal: AbortSignal): Promise<ProxyConfig> {
  return runApart<ParseOrder, ProxyConfig>(BODY, order, signal);
}
