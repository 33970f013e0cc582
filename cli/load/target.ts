import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { connect } from "node:net";
import { resolve } from "node:path";
import { EvenkeelError } from "../../common/errors.ts";

const CONNECT_MS = 10_000;

/**
 * Reads a URL that may lack its scheme and its path: `HOST`, `http://HOST` and `http://HOST/reencrypt` are one.
 * @param path what the scenario asks for, e.g. `/reencrypt`; it is added unless the URL ends with it
 * @throws Error whose message continues "VALUE …"
 */
export function targetUrl(text: string, path: string): URL {
  let url: URL;
  try {
    url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  } catch {
    throw new Error("is not a URL such as http://localhost:8080");
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") throw new Error("is not an http or https URL");
  const bare = url.pathname.replace(/\/+$/, "");
  if (!bare.endsWith(path)) url.pathname = `${bare}${path}`;
  return url;
}

/**
 * Makes a path absolute, and sees that it is a file that can be read.
 * @throws EvenkeelError EK_FILE_UNREADABLE
 */
export async function readableFile(path: string): Promise<string> {
  try {
    await access(path, constants.R_OK);
    if (!(await stat(path)).isFile()) throw new Error("it is not a file");
  } catch (cause) {
    throw new EvenkeelError("EK_FILE_UNREADABLE", (cause as Error).message, { where: path, cause });
  }
  return resolve(path);
}

/**
 * Tries the connection once, so that a load does not begin by failing a thousand times.
 * @throws EvenkeelError EK_TARGET_UNREACHABLE
 */
export async function requireReachable(url: URL): Promise<void> {
  const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const socket = connect({ host, port, timeout: CONNECT_MS });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
      socket.once("timeout", () => reject(new Error(`no answer within ${CONNECT_MS / 1000} s`)));
    });
  } catch (cause) {
    const { message, code } = cause as NodeJS.ErrnoException;
    const what = code === "ECONNREFUSED" ? `nothing listens on ${host}:${port} (connection refused)` : message;
    throw new EvenkeelError("EK_TARGET_UNREACHABLE", what, { where: url.href, cause });
  } finally {
    socket.destroy();
  }
}
