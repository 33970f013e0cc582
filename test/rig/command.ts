import { EvenkeelError } from "../../common/errors.ts";
import { type Command, is } from "../../common/settings.ts";
import { EXTRAS, type ExtraName } from "./extras/extras.ts";

export const VERBS = ["up", "down", "status", "kubectl", "exec", "load", "pack", "restart", "kill"] as const;
export type Verb = (typeof VERBS)[number];

/** Verbs whose words belong to another program; the rig's own settings stand before them. */
const PASSES_ON: readonly Verb[] = ["kubectl", "exec"];

const SETTINGS = {
  name: {
    flag: "name",
    env: "EVENKEEL_RIG_NAME",
    parse: is.text,
    default: "default",
    value: "NAME",
    help: "which rig; several may run at once with --api-only, one with a node",
  },
  with: {
    flag: "with",
    parse: parseExtras,
    default: "istio,metrics",
    value: "LIST",
    help: `what goes with the node: ${EXTRAS.join(", ")}, with commas between, or none`,
  },
  apiOnly: {
    flag: "api-only",
    parse: is.flag,
    help: "up: etcd, API server and controller manager on loopback, without a node and without root",
  },
  context: {
    flag: "context",
    parse: is.anyText,
    default: "",
    value: "CONTEXT",
    help: "a cluster of your own (kind-NAME, minikube …) by its kubeconfig context: nothing is started",
  },
  force: { flag: "force", parse: is.flag, help: "down: also a rig that another living process uses" },
  keep: { flag: "keep", parse: is.flag, help: "up: leave a start that failed as it is, for a look at its logs" },
  python: { flag: "python", parse: is.flag, help: "pack: with this machine's Python, for the worker's scripts" },
} as const;

export const COMMAND: Command<typeof SETTINGS> = {
  name: "npm run rig --",
  summary: `A real Kubernetes for tests: etcd, API server, kubelet, containerd, istiod, KEDA, without Docker and registries.

  up                     start it and wait until it is ready
  down                   end it and remove all that it made; refused while another process uses it
  status                 its parts, with process and log file
  kubectl WORDS...       kubectl as its admin
  exec WORDS...          a command on its network
  load IMAGE.tar         give an image archive to its container runtime
  pack IMAGE.tar         pack this repository into an image archive
  restart PART           end a part (kube-apiserver, istiod, kubelet ...) and start it again
  kill PART              end a part at once`,
  settings: SETTINGS,
  operands: "VERB [WORDS...]",
  examples: [
    "npm run rig -- up --with istio,metrics,keda",
    "npm run rig -- kubectl get pods -A",
    "npm run rig -- exec curl http://10.99.0.1:15014/version",
    "npm run rig -- --name two down",
  ],
};

/** @throws Error that continues "VALUE …" */
export function parseExtras(text: string): readonly ExtraName[] {
  if (text === "none" || text === "") return [];
  return text.split(",").map((word) => is.choice(...EXTRAS)(word.trim()));
}

/** A command line: the rig's own words, the verb, and the words after it that another program gets. */
export interface Words {
  readonly own: readonly string[];
  readonly passedOn: readonly string[];
}

/**
 * Splits a command line before the words that belong to kubectl or the command to run: theirs may look like ours.
 * @throws EvenkeelError EK_USAGE without a verb
 */
export function splitWords(words: readonly string[]): Words {
  for (const [index, word] of words.entries()) {
    // The word after a flag that takes a value is that value.
    const before = words[index - 1];
    if (before !== undefined && takesValue(before)) continue;
    if (PASSES_ON.some((verb) => verb === word)) {
      const rest = words.slice(index + 1);
      return { own: words.slice(0, index + 1), passedOn: rest[0] === "--" ? rest.slice(1) : rest };
    }
  }
  return { own: words, passedOn: [] };
}

function takesValue(word: string): boolean {
  return Object.values(SETTINGS).some((setting) => "value" in setting && word === `--${setting.flag}`);
}

/** @throws EvenkeelError EK_USAGE */
export function verbOf(operands: readonly string[]): { verb: Verb; words: readonly string[] } {
  const [first, ...words] = operands;
  const verb = VERBS.find((known) => known === first);
  if (verb !== undefined) return { verb, words };
  const what = first === undefined ? "no verb was given" : `${JSON.stringify(first)} is not a verb`;
  throw new EvenkeelError("EK_USAGE", `${what}; there are ${VERBS.join(", ")}`, { next: "see npm run rig -- --help" });
}
