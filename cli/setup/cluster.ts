import type { Progress } from "./progress.ts";

/** What a cluster of this name is doing. */
export type ClusterState = "absent" | "stopped" | "running";

/** A cluster that a setup uses, and how to handle it. */
export interface Cluster {
  readonly kind: "minikube" | "kind" | "current";
  /** For messages, e.g. `the kind cluster evenkeel`. */
  readonly title: string;
  /** Its context in the kubeconfig. */
  readonly context: string;
  /** Its kubelets sign their own certificates. */
  readonly isLocal: boolean;
  state(): Promise<ClusterState>;
  /**
   * Starts it; a start that fails and that made it leaves nothing.
   * @param onMade called once it runs, if this start made it; the start fails when that fails
   * @throws EvenkeelError EK_CHILD_FAILED
   */
  start(onLine: Progress, onMade: () => Promise<void>): Promise<void>;
  /** Gives it an image of the local Docker; undefined when nobody knows how. */
  readonly loadImage: ((image: string) => Promise<void>) | undefined;
  remove(onLine: Progress): Promise<void>;
  /** How to find the app's address from here, as a command; undefined when a node's address does. */
  readonly addressCommand: ((namespace: string) => string) | undefined;
}
