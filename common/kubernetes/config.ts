import { existsSync } from "node:fs";
import { KubeConfig } from "@kubernetes/client-node";
import { EvenkeelError } from "../errors.ts";
import { is } from "../settings.ts";

/** Which cluster to talk to. */
export interface KubeAccess {
  /** Path of a kubeconfig. Empty: `KUBECONFIG`, then the pod's service account, then `~/.kube/config`. */
  readonly kubeconfig: string;
  /** A context of the kubeconfig. Empty: its current one. */
  readonly context: string;
}

/** The settings of every command that talks to a cluster; put them into the command's own with `...kubeSettings`. */
export const kubeSettings = {
  kubeconfig: {
    flag: "kubeconfig",
    // KUBECONFIG itself may hold several paths and is read by client-node.
    env: "EVENKEEL_KUBECONFIG",
    value: "FILE",
    parse: is.anyText,
    default: "",
    help: "kubeconfig to use; without one KUBECONFIG, then the pod's service account, then ~/.kube/config",
  },
  context: {
    flag: "context",
    env: "EVENKEEL_CONTEXT",
    value: "NAME",
    parse: is.anyText,
    default: "",
    help: "context of the kubeconfig; without one its current context",
  },
} as const;

const IN_CLUSTER_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/**
 * Loads the access to a cluster. Every way of authentication (certificates, tokens, token files that are rotated, exec
 * plugins, OIDC) stays client-node's.
 * @throws EvenkeelError EK_KUBE_CONFIG
 */
export function loadKubeConfig(access: KubeAccess, env: NodeJS.ProcessEnv = process.env): KubeConfig {
  const config = new KubeConfig();
  const where = access.kubeconfig || env.KUBECONFIG || "the default kubeconfig";
  try {
    if (access.kubeconfig !== "") config.loadFromFile(access.kubeconfig);
    else if (!env.KUBECONFIG && env.KUBERNETES_SERVICE_HOST && existsSync(IN_CLUSTER_TOKEN)) config.loadFromCluster();
    else config.loadFromDefault();
  } catch (cause) {
    throw new EvenkeelError("EK_KUBE_CONFIG", `the kubeconfig cannot be read: ${(cause as Error).message}`, {
      where,
      cause,
    });
  }
  if (access.context !== "") {
    if (config.getContextObject(access.context) === null)
      throw new EvenkeelError("EK_KUBE_CONFIG", `there is no context ${access.context}`, {
        where,
        next: `use one of: ${config.contexts.map(({ name }) => name).join(", ") || "(the file has none)"}`,
      });
    config.setCurrentContext(access.context);
  }
  checkCluster(config, where);
  return config;
}

function checkCluster(config: KubeConfig, where: string): void {
  const server = config.getCurrentCluster()?.server ?? "";
  // What client-node answers when it found nothing at all.
  if (config.currentContext === "loaded-context" && server === "http://localhost:8080")
    throw new EvenkeelError("EK_KUBE_CONFIG", "no kubeconfig was found, and this is no pod with a service account");
  if (!URL.canParse(server))
    throw new EvenkeelError(
      "EK_KUBE_CONFIG",
      `the context ${JSON.stringify(config.currentContext ?? "")} leads to no cluster with an address`,
      { where },
    );
}
