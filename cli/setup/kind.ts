import { EvenkeelError } from "../../common/errors.ts";
import type { Cluster } from "./cluster.ts";
import { complaint, type Runner } from "./runner.ts";

/** The app's NodePort, reached at this machine's loopback. */
const CONFIG = `kind: Cluster
apiVersion: kind.x-k8s.io/v1alpha4
nodes:
  - role: control-plane
    extraPortMappings:
      - containerPort: 30080
        hostPort: 30080
        listenAddress: 127.0.0.1
`;

/** A cluster of kind's. */
export function kindCluster(run: Runner, name: string): Cluster {
  const title = `the kind cluster ${name}`;
  const context = `kind-${name}`;
  const must = async (args: readonly string[], onLine?: (line: string) => void, stdin?: string) => {
    const outcome = await run("kind", args, { ...(onLine && { onLine }), ...(stdin !== undefined && { stdin }) });
    if (outcome.code !== 0) throw new EvenkeelError("EK_CHILD_FAILED", complaint("kind", outcome), { where: title });
    return outcome.stdout;
  };
  return {
    kind: "kind",
    title,
    context,
    isLocal: true,
    async state() {
      const names = (await must(["get", "clusters"])).split("\n").map((line) => line.trim());
      if (!names.includes(name)) return "absent";
      const version = await run(
        "kubectl",
        ["--context", context, "--request-timeout=20s", "get", "--raw", "/version"],
        {
          timeoutMs: 30_000,
        },
      );
      return version.code === 0 ? "running" : "stopped";
    },
    async start(onLine, onMade) {
      const names = (await must(["get", "clusters"])).split("\n").map((line) => line.trim());
      if (names.includes(name))
        throw new EvenkeelError("EK_KUBE_UNREACHABLE", `${title} is there, but its API server does not answer`, {
          where: `context ${context}`,
          next: `start its node with \`docker start ${name}-control-plane\`, or remove it with \`kind delete cluster --name ${name}\``,
        });
      let created = false;
      try {
        await must(["create", "cluster", "--name", name, "--wait", "120s", "--config", "-"], onLine, CONFIG);
        await onMade();
        created = true;
      } finally {
        if (!created) await run("kind", ["delete", "cluster", "--name", name], { onLine, evenStopped: true });
      }
    },
    loadImage: async (image) => void (await must(["load", "docker-image", image, "--name", name])),
    remove: async (onLine) => void (await must(["delete", "cluster", "--name", name], onLine)),
    addressCommand: undefined,
  };
}
