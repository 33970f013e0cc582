import { describeError } from "../../../common/errors.ts";
import { latestOnly } from "../../../common/latest-only.ts";
import { Listeners } from "../../../common/listeners.ts";
import type { Logger } from "../../../common/log.ts";
import { readTextFile } from "../../../common/text-file.ts";
import type { Fleet, FleetSource } from "../fleet.ts";
import { keepIdentity } from "../keep-identity.ts";
import type { ServiceReference } from "../kubernetes/service-reference.ts";
import { READ_HERE_LENGTH } from "./located-yaml.ts";
import { type FleetFile, fleetInvalid, parseFleet, parseFleetFile, wholeFleet } from "./parse.ts";
import { parseApart } from "./parse-apart.ts";
import { watchFile } from "./watch-file.ts";

/** A fleet of ten thousand endpoints takes about 700 KiB. */
const MAX_FILE_BYTES = 16 * 2 ** 20;

/**
 * The fleet of a YAML file, read at once and again whenever the file changes. A bad edit keeps the last good fleet.
 * @param options.pollMs how often the file is looked at besides its change notices, in ms
 * @param options.onServices takes the clusters whose endpoints are in Kubernetes, before the fleet changes; without it they
 * are faults
 */
export function fileFleet(
  path: string,
  options: {
    log: Logger;
    pollMs?: number;
    onServices?: (services: ReadonlyMap<string, ServiceReference>) => void;
  },
): FleetSource {
  const { log, onServices } = options;
  const listeners = new Listeners();
  const closing = new AbortController();
  let fleet: Fleet | undefined;
  let fault: string | undefined;

  /** Makes what a read has brought the state, and tells of it. */
  const settle = (read: () => FleetFile) => {
    const before = { fleet, fault };
    try {
      const file = read();
      const next = onServices === undefined ? wholeFleet(file, path) : file.fleet;
      onServices?.(file.services);
      fleet = keepIdentity(fleet, next);
      fault = undefined;
    } catch (error) {
      fault = describeError(error);
    }
    if (fleet === before.fleet && fault === before.fault) return;
    if (fault === undefined) log.info({ path, clusters: fleet?.clusters.size }, "fleet file read");
    else log.warn({ path }, fault);
    listeners.tell();
  };
  const readHere = () => settle(() => parseFleetFile(readFleetFile(path), path));
  const readChange = async () => {
    try {
      const text = readFleetFile(path);
      if (text.length <= READ_HERE_LENGTH) return settle(() => parseFleetFile(text, path));
      const file = await parseApart(text, path, closing.signal);
      settle(() => file);
    } catch (error) {
      if (closing.signal.aborted) return;
      settle(() => {
        throw error;
      });
    }
  };
  // Watched before it is read, so that no change falls between the two.
  const onChange = latestOnly(readChange, closing.signal);
  const watch = watchFile(path, { log, onChange, pollMs: options.pollMs ?? 1000 });
  // Here, whatever its length: nobody is served yet.
  readHere();

  return {
    current: () => fleet,
    fault: () => fault,
    subscribe: (listener) => listeners.subscribe(listener),
    async close() {
      closing.abort();
      watch.close();
      listeners.clear();
    },
  };
}

/**
 * Reads a fleet file that names all its endpoints itself, once.
 * @throws EvenkeelError EK_FILE_UNREADABLE, EK_FLEET_INVALID
 */
export function readFleet(path: string): Fleet {
  return parseFleet(readFleetFile(path), path);
}

/** @throws EvenkeelError EK_FILE_UNREADABLE, EK_FLEET_INVALID */
function readFleetFile(path: string): string {
  const text = readTextFile(path, "the fleet file", MAX_FILE_BYTES);
  if (text !== undefined) return text;
  throw fleetInvalid(path, [{ line: 1, column: 1, what: "the file is not text in UTF-8" }]);
}
