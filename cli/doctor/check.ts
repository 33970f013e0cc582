import { describeError, EvenkeelError } from "../../common/errors.ts";
import { type Finding, withoutSymptoms } from "./finding.ts";
import type { Look } from "./look.ts";

/** One question to the cluster. Each has a file that gathers facts, and a pure function that judges them. */
export interface Check {
  /** Stable, for scripts, e.g. `image-pull`. */
  readonly name: string;
  /** What is looked for, in a few words. */
  readonly looksFor: string;
  /** @throws EvenkeelError when it cannot look */
  run(look: Look): Promise<readonly Finding[]>;
}

/** A check that could not look. */
export interface Unseen {
  readonly check: string;
  /** Code, place and reason. */
  readonly why: string;
  /** What makes it able to look. */
  readonly next: string;
}

export interface Examination {
  readonly checks: readonly string[];
  readonly findings: readonly Finding[];
  readonly unseen: readonly Unseen[];
}

/** Runs all checks. What an error keeps a check from seeing is told: one that fails takes none of the others with it. */
export async function examine(look: Look, checks: readonly Check[]): Promise<Examination> {
  const results = await Promise.allSettled(checks.map((check) => check.run(look)));
  const findings: Finding[] = [];
  const unseen: Unseen[] = [];
  for (const [index, result] of results.entries()) {
    const check = checks[index]?.name ?? "";
    if (result.status === "fulfilled") findings.push(...result.value);
    else unseen.push({ check, ...reasonOf(result.reason) });
  }
  return { checks: checks.map(({ name }) => name), findings: withoutSymptoms(findings), unseen };
}

function reasonOf(error: unknown): Omit<Unseen, "check"> {
  if (!(error instanceof EvenkeelError))
    return { why: `the check failed: ${describeError(error)}`, next: "run it again; if it stays, please report it" };
  const { code, where, message, next } = error;
  return { why: `${code}${where === undefined ? "" : ` ${where}`}: ${message}`, next };
}

/** 0: nothing is wrong; 1: something is; 2: nothing was found, but not everything could be looked at. */
export function exitCodeOf({ findings, unseen }: Examination): 0 | 1 | 2 {
  if (findings.length > 0) return 1;
  return unseen.length > 0 ? 2 : 0;
}
