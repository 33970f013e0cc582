import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { EvenkeelError } from "../../common/errors.ts";
import { temporaryFolder } from "../../common/temporary-folder.ts";
import type { Progress } from "./cache.ts";
import { openForward } from "./forward.ts";
import { findPrograms } from "./programs/programs.ts";
import type { Rig } from "./rig.ts";
import { run } from "./run.ts";

/**
 * The user's own cluster as a rig: nothing is started, nothing is taken down.
 * @throws EvenkeelError EK_CHILD_FAILED when the context is unknown or its cluster does not answer
 */
export async function contextRig(context: string, onProgress: Progress): Promise<Rig> {
  const { kubectl: program } = await findPrograms(["kubectl"], onProgress);
  const kubectl = (args: readonly string[], stdin?: string) =>
    run(program as string, ["--context", context, ...args], stdin === undefined ? {} : { stdin });
  await kubectl(["get", "--raw", "/readyz", "--request-timeout=10s"]);
  const folder = await temporaryFolder("context");
  const kubeconfig = join(folder, "kubeconfig");
  writeFileSync(kubeconfig, await kubectl(["config", "view", "--minify", "--flatten"]), { mode: 0o600 });
  const ownPart = (what: string) => async (part: string) => {
    throw new EvenkeelError("EK_RIG_UNSUPPORTED", `${part} of your own cluster is not the rig's to ${what}`, {
      where: context,
      next: "use a rig with a node of its own for this",
    });
  };
  return {
    name: context,
    kind: "context",
    kubeconfig,
    nodeAddress: undefined,
    kubectl,
    exec: async ([command, ...args], stdin) => run(command as string, args, stdin === undefined ? {} : { stdin }),
    inside: (command) => [...command],
    forward: (target) => openForward(target, (command) => [...command]),
    async loadImage(archive) {
      const [command, ...args] = loadWords(context, archive) as [string, ...string[]];
      await run(command, args);
    },
    restart: ownPart("restart"),
    kill: ownPart("end"),
    log: (part) => {
      throw new EvenkeelError("EK_RIG_UNSUPPORTED", `the rig has no log of ${part}`, { where: context });
    },
    down: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/**
 * How an image archive gets into the cluster of a context.
 * @throws EvenkeelError EK_RIG_UNSUPPORTED for any but kind and minikube
 */
export function loadWords(context: string, archive: string): string[] {
  if (context.startsWith("kind-")) return ["kind", "load", "image-archive", archive, "--name", context.slice(5)];
  if (context.startsWith("minikube")) return ["minikube", "image", "load", archive, "--profile", context];
  throw new EvenkeelError("EK_RIG_UNSUPPORTED", "it is not known how to load an image into this cluster", {
    where: context,
    next: "push the image to a registry that the cluster can pull from",
  });
}
