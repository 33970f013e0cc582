import { type ErrorCode, EvenkeelError } from "../../common/errors.ts";
import { complaint, type Outcome, type Runner } from "./runner.ts";

/** kubectl for one context. Every failure is an EvenkeelError EK_KUBE_…. */
export interface Kubectl {
  readonly context: string;
  /** @returns its standard output */
  (args: readonly string[], stdin?: string): Promise<string>;
}

/** One answer of the API server takes at most this long. */
const REQUEST = "--request-timeout=30s";
/** Deleting waits for finalizers and graceful ends. */
const ANSWER_MS = 180_000;

export function makeKubectl(run: Runner, context: string): Kubectl {
  const kubectl = async (args: readonly string[], stdin?: string) => {
    const outcome = await run("kubectl", ["--context", context, REQUEST, ...args], {
      ...(stdin !== undefined && { stdin }),
      timeoutMs: ANSWER_MS,
    });
    if (outcome.code === 0) return outcome.stdout;
    throw kubectlError(outcome, context);
  };
  return Object.assign(kubectl, { context });
}

/**
 * kubectl's current context, or the named one once it is known to exist.
 * @throws EvenkeelError EK_KUBE_CONFIG
 */
export async function findContext(run: Runner, wanted: string): Promise<string> {
  const listed = await run("kubectl", ["config", "get-contexts", "-o", "name"], { timeoutMs: ANSWER_MS });
  if (listed.code !== 0) throw new EvenkeelError("EK_KUBE_CONFIG", complaint("kubectl", listed));
  const contexts = listed.stdout.split("\n").filter((line) => line !== "");
  const known = contexts.length === 0 ? "your kubeconfig has none" : `there are ${contexts.join(", ")}`;
  if (wanted !== "") {
    if (contexts.includes(wanted)) return wanted;
    throw new EvenkeelError("EK_KUBE_CONFIG", `there is no context ${wanted}; ${known}`, { where: "--context" });
  }
  const current = await run("kubectl", ["config", "current-context"], { timeoutMs: ANSWER_MS });
  const context = current.stdout.trim();
  if (current.code === 0 && context !== "") return context;
  throw new EvenkeelError("EK_KUBE_CONFIG", `kubectl has no current context; ${known}`, {
    next: "choose one with --context NAME, or have a cluster started with --cluster minikube or --cluster kind",
  });
}

const FAILURES: readonly (readonly [RegExp, ErrorCode])[] = [
  [/forbidden/i, "EK_KUBE_FORBIDDEN"],
  [/unauthorized|must be logged in/i, "EK_KUBE_UNAUTHORISED"],
  [
    /was refused|connection refused|no such host|unable to connect|i\/o timeout|deadline exceeded|client\.timeout|no route to host|tls handshake|did not answer/i,
    "EK_KUBE_UNREACHABLE",
  ],
  [/context .* does not exist|invalid configuration|error loading config/i, "EK_KUBE_CONFIG"],
  [/no matches for kind|doesn't have a resource type/i, "EK_KUBE_API_MISSING"],
  [/\bconflict/i, "EK_KUBE_CONFLICT"],
  [/not ?found/i, "EK_KUBE_NOT_FOUND"],
  [/is invalid|already allocated|denied the request/i, "EK_KUBE_REFUSED"],
];

/** Tells from what kubectl said which kind of failure it was. */
export function kubectlError(outcome: Outcome, context: string): EvenkeelError {
  const what = complaint("kubectl", outcome);
  const code = FAILURES.find(([pattern]) => pattern.test(what))?.[1] ?? "EK_KUBE_FAILED";
  return new EvenkeelError(code, what, {
    where: `context ${context}`,
    ...(code === "EK_KUBE_UNREACHABLE" && {
      next: "check that the cluster runs (`kubectl cluster-info`) and that this machine reaches its address",
    }),
    ...(code === "EK_KUBE_FORBIDDEN" && {
      next: "ask the cluster's administrator for the right that it names, or take another context or --namespace",
    }),
  });
}
