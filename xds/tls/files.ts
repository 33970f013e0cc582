import { describeError, EvenkeelError } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import { readTextFile } from "../../common/text-file.ts";
import { watchFile } from "../fleet/file/watch-file.ts";
import { CurrentIdentity } from "./credentials.ts";
import { checkIdentity, type Identity } from "./identity.ts";

/** Paths of PEM files. */
export interface IdentityFiles {
  readonly certificate: string;
  readonly key: string;
  readonly roots: string;
}

const MAX_BYTES = 1024 * 1024;
const POLL_MS = 2000;

/**
 * An identity out of three files, read again when one changes; files that do not fit together leave the last good one.
 * @throws EvenkeelError EK_FILE_UNREADABLE, EK_TLS_INVALID
 */
export function identityOfFiles(
  files: IdentityFiles,
  options: { readonly log: Logger; readonly pollMs?: number },
): { readonly current: CurrentIdentity; close(): void } {
  const { log, pollMs = POLL_MS } = options;
  let current: CurrentIdentity | undefined;
  const reload = () => {
    try {
      current?.replace(read(files));
      log.info({ file: files.certificate }, "the certificate of the xDS port is read anew");
    } catch (error) {
      log.warn({ error: describeError(error) }, "the certificate of the xDS port stays as it was");
    }
  };
  // Watched before they are read, so that no change falls between the two.
  const watches = [files.certificate, files.key, files.roots].map((path) =>
    watchFile(path, { log, onChange: reload, pollMs }),
  );
  const close = () => {
    for (const watch of watches) watch.close();
  };
  try {
    current = new CurrentIdentity(read(files));
  } catch (error) {
    // Watches would keep a process alive that has no identity.
    close();
    throw error;
  }
  return { current, close };
}

function read({ certificate, key, roots }: IdentityFiles): Identity {
  const identity = {
    certificates: text(certificate, "the certificate"),
    key: text(key, "its key"),
    roots: text(roots, "the root of clients"),
  };
  checkIdentity(identity, certificate);
  return identity;
}

function text(path: string, what: string): string {
  const found = readTextFile(path, what, MAX_BYTES);
  if (found === undefined) throw new EvenkeelError("EK_TLS_INVALID", `${what} is no PEM file`, { where: path });
  return found;
}
