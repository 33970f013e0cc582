import { type ErrorCode, EvenkeelError } from "../errors.ts";
import { adviceForForbidden, adviceForMissing, type Verb } from "./rbac.ts";
import { describeTarget, type Target } from "./resource-type.ts";

/** What was asked of the API server, for messages. `path` for what is no resource, e.g. `/version`. */
export type Asked = {
  readonly verb: Verb;
  readonly server: string;
  readonly target: Target | { readonly path: string };
};

/** The API's own form of an error: `kind: Status`. */
interface Status {
  readonly kind: "Status";
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
}

/** Longest piece of an answer that a message quotes. */
const QUOTED = 300;

/** Is this error one of the catalogue's with this code? */
export function hasCode(error: unknown, ...codes: readonly ErrorCode[]): error is EvenkeelError {
  return error instanceof EvenkeelError && codes.includes(error.code);
}

/**
 * The error for an answer of the API server that is no success.
 * @param body the answer's text: a Status as a rule, plain text of proxies and of paths that nothing serves
 */
export function failureOf(code: number, body: string, asked: Asked): EvenkeelError {
  const status = statusOf(body);
  const what = `cannot ${say(asked)}: ${status?.message ?? (body.trim().slice(0, QUOTED) || `HTTP ${code}`)}`;
  const where = asked.server;
  if (code === 401) return new EvenkeelError("EK_KUBE_UNAUTHORISED", what, { where });
  if (code === 403) return new EvenkeelError("EK_KUBE_FORBIDDEN", what, { where, ...forbiddenAdvice(asked, status) });
  if (code === 404 && isApiMissing(asked, status))
    return new EvenkeelError("EK_KUBE_API_MISSING", what, { where, ...missingAdvice(asked) });
  return new EvenkeelError(codeOf(code), what, { where });
}

/** The error for a Status that came inside a watch. */
export function failureOfStatus(status: unknown, asked: Asked): EvenkeelError {
  const code = typeof status === "object" && status !== null && "code" in status ? Number(status.code) : 500;
  return failureOf(code, JSON.stringify(status ?? null), asked);
}

/** The error for an API server that cannot be reached or broke off. */
export function unreachable(cause: unknown, asked: Asked): EvenkeelError {
  const reason = cause instanceof Error ? cause.message || (cause as NodeJS.ErrnoException).code : String(cause);
  return new EvenkeelError("EK_KUBE_UNREACHABLE", `cannot ${say(asked)}: ${reason}`, { where: asked.server, cause });
}

/** The error for an answer that is not what the API promises. */
export function malformed(what: string, asked: Asked): EvenkeelError {
  return new EvenkeelError("EK_KUBE_FAILED", `cannot ${say(asked)}: ${what}`, { where: asked.server });
}

function codeOf(code: number): ErrorCode {
  if (code === 404) return "EK_KUBE_NOT_FOUND";
  if (code === 409) return "EK_KUBE_CONFLICT";
  if (code === 410) return "EK_KUBE_GONE";
  if (code === 400 || code === 405 || code === 413 || code === 415 || code === 422) return "EK_KUBE_REFUSED";
  return "EK_KUBE_FAILED";
}

function say({ verb, target }: Asked): string {
  return `${verb} ${"path" in target ? target.path : describeTarget(target)}`;
}

/** Nothing serves the path: no Status of a missing object, or a list, which has no object to miss. */
function isApiMissing({ target }: Asked, status: Status | undefined): boolean {
  if ("path" in target) return false;
  return (
    status === undefined ||
    (status.reason === "NotFound" && target.name === undefined && !/namespaces? "/.test(status.message ?? ""))
  );
}

function forbiddenAdvice({ verb, target }: Asked, status: Status | undefined): { next?: string } {
  if ("path" in target) return {};
  const user = /User "([^"]+)"/.exec(status?.message ?? "")?.[1];
  return { next: adviceForForbidden(verb, target, user) };
}

function missingAdvice({ target }: Asked): { next?: string } {
  return "path" in target ? {} : { next: adviceForMissing(target.resource.group) };
}

function statusOf(body: string): Status | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null && Reflect.get(parsed, "kind") === "Status"
      ? (parsed as Status)
      : undefined;
  } catch {
    return undefined;
  }
}
