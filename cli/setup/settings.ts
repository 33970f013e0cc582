import { type Command, is, type Values } from "../../common/settings.ts";

const HOUR_MS = 3_600_000;

/** A name that DNS, Docker and Kubernetes all take. */
function clusterName(text: string): string {
  if (!/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(text))
    throw new Error("is not up to 40 small letters, digits and dashes");
  return text;
}

const settings = {
  cluster: {
    flag: "cluster",
    env: "EVENKEEL_SETUP_CLUSTER",
    parse: is.choice("auto", "minikube", "kind", "current"),
    default: "auto",
    value: "KIND",
    help: "minikube, kind, current (kubectl's current context), or auto: minikube if it is there, else kind",
  },
  name: {
    flag: "name",
    env: "EVENKEEL_SETUP_NAME",
    parse: clusterName,
    default: "evenkeel",
    value: "NAME",
    help: "minikube's profile or kind's cluster; started when there is none of that name",
  },
  context: {
    flag: "context",
    env: "EVENKEEL_CONTEXT",
    parse: is.anyText,
    default: "",
    value: "NAME",
    help: "a context of your kubeconfig; means --cluster current, and goes with no other",
  },
  namespace: {
    flag: "namespace",
    env: "EVENKEEL_SETUP_NAMESPACE",
    parse: clusterName,
    default: "default",
    value: "NAME",
    help: "where the app goes; it must exist",
  },
  image: {
    flag: "image",
    env: "EVENKEEL_SETUP_IMAGE",
    parse: is.anyText,
    default: "",
    value: "NAME",
    help: "name and tag of the image; without it one that tells its content",
  },
  skipBuild: {
    flag: "skip-build",
    parse: is.flag,
    help: "take --image as it is: the cluster has it, or can pull it",
  },
  wait: {
    flag: "wait",
    env: "EVENKEEL_SETUP_WAIT",
    parse: is.duration(1000, HOUR_MS),
    default: "5m",
    value: "TIME",
    help: "how long the app and its autoscaler may take to be ready",
  },
  delete: { flag: "delete", parse: is.flag, help: "remove what setup made, and nothing else" },
} as const;

/** The settings of a setup, read. */
export type SetupSettings = Values<typeof settings>;

/** `evenkeel setup`. */
export const SETUP_COMMAND: Command<typeof settings> = {
  name: "evenkeel setup",
  summary:
    "Starts a cluster, deploys the CPU load app with its autoscaler, and waits until both work. Safe to run twice.",
  settings,
  examples: [
    "evenkeel setup",
    "evenkeel setup --cluster kind",
    "evenkeel setup --context my-cluster --skip-build --image registry.example.com/evenkeel:0.1.0",
    "evenkeel setup --delete",
  ],
};
