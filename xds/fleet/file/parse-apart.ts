import { runApart } from "../../../common/apart/run-apart.ts";
import type { FleetFile } from "./parse.ts";

/** What the parsing thread is given. */
export interface ParseOrder {
  readonly text: string;
  /** The file's name, for messages. */
  readonly path: string;
}

const BODY = new URL("./parse-thread.ts", import.meta.url);

/**
 * Reads a fleet file's text as `parseFleetFile` does, in a thread of its own: 20 000 endpoints take seconds of CPU.
 * @throws as {@link runApart} does; EvenkeelError EK_FLEET_INVALID
 */
export function parseApart(text: string, path: string, signal: AbortSignal): Promise<FleetFile> {
  return runApart<ParseOrder, FleetFile>(BODY, { text, path }, signal);
}
