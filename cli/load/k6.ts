import { findProgram } from "../../common/program/find.ts";
import type { Pin } from "../../common/program/pin.ts";
import type { OnProgress } from "../../common/program/progress.ts";

/**
 * The k6 that the scripts are written for. It is the user's to install: it stands under the AGPL, and no checksum of its
 * release files is pinned here, so nothing fetches it.
 */
export const K6: Pin = { name: "k6", version: "1.8.1", setting: "EVENKEEL_K6", versionArgs: ["version"], ways: [] };

/**
 * Finds k6.
 * @returns its path
 * @throws EvenkeelError as {@link findProgram} does
 */
export async function findK6(options: { onProgress?: OnProgress; env?: NodeJS.ProcessEnv } = {}): Promise<string> {
  return await findProgram(K6, options);
}
