import { readTextFile } from "../../common/text-file.ts";
import type { ProxyConfig } from "./config.ts";
import { configInvalid, type FurtherCheck, parseProxyConfig } from "./parse.ts";

/** Ten thousand services take about 2 MiB. */
const MAX_FILE_BYTES = 64 * 2 ** 20;

/**
 * Reads a reverse proxy's configuration file.
 * @throws EvenkeelError EK_FILE_UNREADABLE, EK_PROXY_CONFIG_INVALID
 */
export function readProxyConfig(path: string, check?: FurtherCheck): ProxyConfig {
  return parseProxyConfig(readProxyText(path), path, check);
}

/**
 * Reads the text of a reverse proxy's configuration file.
 * @throws EvenkeelError EK_FILE_UNREADABLE, EK_PROXY_CONFIG_INVALID
 */
export function readProxyText(path: string): string {
  const text = readTextFile(path, "the proxy's configuration", MAX_FILE_BYTES);
  if (text !== undefined) return text;
  throw configInvalid(path, [{ line: 1, column: 1, what: "the file is not text in UTF-8" }]);
}
