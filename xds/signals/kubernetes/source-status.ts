import { describeError, EvenkeelError } from "../../../common/errors.ts";
import { hasCode } from "../../../common/kubernetes/failure.ts";
import type { CpuSource } from "../signal.ts";

/** How a source of CPU figures is. */
export interface SourceStatus {
  readonly source: CpuSource;
  readonly state:
    | "ok"
    /** Not asked yet, or not needed while a fresher source works. */
    | "idle"
    /** Answers, but knows no pod of the fleet (yet). */
    | "empty"
    | "forbidden"
    | "missing"
    | "failing";
  /** For a person. */
  readonly detail: string;
  /** What to do; empty when nothing needs doing. */
  readonly next: string;
}

/** The status that a failure means. */
export function failedStatus(source: CpuSource, error: unknown): SourceStatus {
  const next = error instanceof EvenkeelError ? error.next : "";
  const detail = error instanceof EvenkeelError ? error.message : describeError(error);
  if (hasCode(error, "EK_KUBE_FORBIDDEN", "EK_KUBE_UNAUTHORISED")) return { source, state: "forbidden", detail, next };
  if (hasCode(error, "EK_KUBE_API_MISSING")) return { source, state: "missing", detail, next };
  return { source, state: "failing", detail, next };
}

/**
 * The status after a reading that worked.
 * @param known series of the fleet that it held
 * @param done what became of them; `unmeasured` have no allowance to be measured by
 */
export function readingStatus(
  source: CpuSource,
  detail: string,
  known: number,
  done: { readonly recorded: number; readonly unmeasured: number },
): SourceStatus {
  if (known === 0) return { source, state: "empty", detail, next: "" };
  if (done.recorded > 0 || done.unmeasured === 0) return { source, state: "ok", detail, next: "" };
  return {
    source,
    state: "failing",
    detail: `${detail}, none with a CPU limit or request, and their nodes cannot be read`,
    next: 'give the pods a CPU request, or this account the rule {apiGroups: [""], resources: ["nodes"], verbs: ["get", "list", "watch"]}',
  };
}
