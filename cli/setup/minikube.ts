import { EvenkeelError } from "../../common/errors.ts";
import type { Cluster } from "./cluster.ts";
import { complaint, type Runner } from "./runner.ts";

/** minikube's exit code for a profile that there is not: `GUEST_NOT_FOUND`, minikube.sigs.k8s.io/docs/contrib/errorcodes. */
const NO_PROFILE = 85;

/** A cluster of minikube's, in Docker. */
export function minikubeCluster(run: Runner, name: string): Cluster {
  const title = `the minikube profile ${name}`;
  const profile = ["--profile", name];
  const fail = (outcome: Awaited<ReturnType<Runner>>) =>
    new EvenkeelError("EK_CHILD_FAILED", complaint("minikube", outcome), { where: title });
  const state: Cluster["state"] = async () => {
    const outcome = await run("minikube", ["status", ...profile], { timeoutMs: 60_000 });
    if (outcome.code === 0) return "running";
    return outcome.code === NO_PROFILE || /profile .* not found/i.test(outcome.stdout + outcome.stderr)
      ? "absent"
      : "stopped";
  };
  return {
    kind: "minikube",
    title,
    context: name,
    isLocal: true,
    state,
    async start(onLine, onMade) {
      const before = await state();
      let started = false;
      try {
        const outcome = await run("minikube", ["start", ...profile, "--driver", "docker"], { onLine });
        if (outcome.code !== 0) throw fail(outcome);
        if (before === "absent") await onMade();
        started = true;
      } finally {
        // What was there before is its owner's.
        if (!started && before === "absent")
          await run("minikube", ["delete", ...profile], { onLine, evenStopped: true });
      }
    },
    async loadImage(image) {
      const outcome = await run("minikube", ["image", "load", ...profile, image]);
      if (outcome.code !== 0) throw fail(outcome);
    },
    async remove(onLine) {
      const outcome = await run("minikube", ["delete", ...profile], { onLine });
      if (outcome.code !== 0) throw fail(outcome);
    },
    addressCommand: (namespace) => `minikube service fastapi-service --profile ${name} --namespace ${namespace} --url`,
  };
}
