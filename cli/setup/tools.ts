import { EvenkeelError } from "../../common/errors.ts";
import { complaint, type Runner } from "./runner.ts";

/** How to ask a tool whether it is there, and how to get it. */
const TOOLS = {
  docker: { args: ["--version"], get: "https://docs.docker.com/get-started/get-docker/" },
  kubectl: { args: ["version", "--client"], get: "https://kubernetes.io/docs/tasks/tools/#kubectl" },
  minikube: { args: ["version", "--short"], get: "https://minikube.sigs.k8s.io/docs/start/" },
  kind: {
    args: ["version"],
    get: "https://kind.sigs.k8s.io/docs/user/quick-start/#installation, or: go install sigs.k8s.io/kind@latest",
  },
} as const;

/** A program that a setup runs. */
export type Tool = keyof typeof TOOLS;

const ANSWER_MS = 30_000;

/** Whether a tool is on PATH and starts. */
export async function hasTool(run: Runner, tool: Tool): Promise<boolean> {
  return (await run(tool, TOOLS[tool].args, { timeoutMs: ANSWER_MS })).code === 0;
}

/**
 * Looks for all tools before it complains of any.
 * @throws EvenkeelError EK_PROGRAM_MISSING with each missing one and how to get it
 */
export async function requireTools(run: Runner, tools: readonly Tool[]): Promise<void> {
  const found = await Promise.all(tools.map((tool) => hasTool(run, tool)));
  const missing = tools.filter((_, index) => found[index] !== true);
  if (missing.length > 0) throw missingTools(missing);
}

/** The error for tools that are not there. Of alternatives (`minikube or kind`), one is enough. */
export function missingTools(missing: readonly Tool[], word: "and" | "or" = "and"): EvenkeelError {
  const ways = missing.map((tool) => `${tool}: ${TOOLS[tool].get}`).join("; ");
  return new EvenkeelError(
    "EK_PROGRAM_MISSING",
    word === "and"
      ? `${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} not on PATH or cannot be started`
      : `neither ${missing.join(" nor ")} is on PATH`,
    {
      next: `install ${word === "and" ? (missing.length === 1 ? "it" : "them") : "one of them"} (${ways})${
        word === "or" ? ", or name a cluster of your own with --context NAME" : ""
      }, and run it again`,
    },
  );
}

/**
 * Asks the Docker daemon.
 * @throws EvenkeelError EK_DOCKER_UNAVAILABLE
 */
export async function requireDockerDaemon(run: Runner): Promise<void> {
  const outcome = await run("docker", ["info", "--format", "{{.ServerVersion}}"], { timeoutMs: ANSWER_MS });
  if (outcome.code === 0) return;
  const refused = /permission denied/i.test(outcome.stderr);
  throw new EvenkeelError("EK_DOCKER_UNAVAILABLE", complaint("docker", outcome), {
    ...(refused && { next: "add your user to the group docker and log in again, or run it as root" }),
  });
}
