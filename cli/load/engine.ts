import { EvenkeelError } from "../../common/errors.ts";
import { type OnProgress, progressToStderr } from "../../common/program/progress.ts";
import { findK6, K6 } from "./k6.ts";

export const ENGINES = ["auto", "k6", "built-in"] as const;

/** What sends the load. */
export type Engine = { readonly kind: "k6"; readonly path: string } | { readonly kind: "built-in" };

/**
 * Chooses what sends the load. `auto`: k6 if it is on this machine, else our own generator, with a line that says so.
 * @param report whether k6's HTML report is asked for
 * @throws EvenkeelError EK_PROGRAM_MISSING (k6 is asked for, or needed for the report, and is not there),
 * EK_SETTING_INVALID (EVENKEEL_K6 is wrong, or the built-in generator is to write a report)
 */
export async function chooseEngine(
  wanted: (typeof ENGINES)[number],
  report: boolean,
  options: { env?: NodeJS.ProcessEnv; onProgress?: OnProgress } = {},
): Promise<Engine> {
  const onProgress = options.onProgress ?? progressToStderr;
  if (wanted === "built-in") {
    if (!report) return { kind: "built-in" };
    throw new EvenkeelError("EK_SETTING_INVALID", "the HTML report is k6's: --engine built-in writes none", {
      where: "--report",
      next: "leave --report out (--json gives the figures to keep), or use --engine k6",
    });
  }
  try {
    return { kind: "k6", path: await findK6(options) };
  } catch (error) {
    // Without a cache folder that can be written to, there is no k6 in it either.
    const missing = !(error instanceof EvenkeelError) || error.code === "EK_PROGRAM_MISSING";
    if (!missing || wanted === "k6") throw error;
    if (report)
      throw new EvenkeelError("EK_PROGRAM_MISSING", "the HTML report is k6's, and there is no k6 here", {
        where: "--report",
        next: `install k6 ${K6.version} and put it on PATH, or set ${K6.setting} to its path, or leave --report out`,
        cause: error,
      });
    onProgress(`k6 is not on PATH nor in ${K6.setting}: the built-in generator sends the load`);
    return { kind: "built-in" };
  }
}
