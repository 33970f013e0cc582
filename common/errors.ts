/**
 * The one catalogue of Evenkeel's errors. A code is stable: users search for it. Each entry says what the code means and
 * what to do next; the error itself adds what was wrong and where.
 */
export const CATALOGUE = {
  EK_USAGE: { means: "a command was called in a way it does not know", next: "see the command's --help" },
  EK_SETTING_INVALID: {
    means: "a setting cannot be used",
    next: "correct it; --help lists every setting with its unit",
  },
  EK_FILE_UNREADABLE: { means: "a file cannot be read", next: "check the path and its permissions" },
  EK_PORT_IN_USE: { means: "a port is taken by another program", next: "stop that program or choose another port" },
  EK_FLEET_INVALID: {
    means: "the fleet file cannot be used; the last good fleet stays",
    next: "mend the named line; the file is read again when it changes",
  },
  EK_FILE_EXISTS: {
    means: "a file that is to be written is there already",
    next: "write it anew with --force, or elsewhere with --output FILE",
  },
  EK_PROXY_CONFIG_INVALID: {
    means: "the reverse proxy's configuration cannot be used; what runs goes on with the last good one",
    next: "mend the named line; the file is read again when it changes",
  },
  EK_ENVOY_REFUSED: {
    means: "Envoy refuses a configuration; what it had before stays",
    next: "read what Envoy said, given with the error",
  },
  EK_RESOURCE_INVALID: {
    means: "an xDS resource breaks its validation rules; the last good version stays",
    next: "mend the setting that the resource came from",
  },
  EK_PROGRAM_MISSING: {
    means: "a program that Evenkeel runs could not be found or fetched",
    next: "install it and put it on PATH, or name it by the setting that the message gives",
  },
  EK_CHECKSUM_MISMATCH: {
    means: "a download is not the file that was pinned",
    next: "try again; if it stays, the network or the mirror changes files: install the program yourself",
  },
  EK_DOWNLOAD_FAILED: {
    means: "a file could not be downloaded",
    next: "check this machine's network, or install the program yourself",
  },
  EK_BUILD_FAILED: {
    means: "a program could not be built from its source",
    next: "read what the compiler said, given with the error, or install the program yourself",
  },
  EK_GENERATE_FAILED: {
    means: "the protobuf types could not be made",
    next: "run `npm run proto` and read what it says",
  },
  EK_RULE_UNKNOWN: {
    means: "a protobuf file states a validation rule that Evenkeel cannot check",
    next: "teach it to proto/validation/, or go back to the @grpc/grpc-js-xds release before",
  },
  EK_CHILD_FAILED: {
    means: "a program that Evenkeel started ended with an error",
    next: "read its last lines, given with the error",
  },
  EK_ISOLATION_UNAVAILABLE: {
    means: "this machine does not allow the isolation that uploaded scripts are to run in",
    next: "use --isolation auto, or give the container the rights that the message names",
  },
  EK_TARGET_UNREACHABLE: {
    means: "the service that a load is for cannot be reached",
    next: "check the URL, and that the service runs and listens there",
  },
  EK_RIG_BUSY: {
    means: "another test rig with a node runs on this machine; two kubelets would end each other's pods",
    next: "end it with `npm run rig -- down --name NAME`",
  },
  EK_RIG_UNSUPPORTED: {
    means: "this machine cannot run a cluster's node",
    next: "use `--api-only`, or `--context` with a cluster of your own",
  },
  EK_RIG_DOWN: { means: "there is no such test rig", next: "start one with `npm run rig -- up`" },
  EK_TIMEOUT: {
    means: "something did not happen in its time",
    next: "the message says what was awaited and where to look",
  },
  EK_AGENT_TARGET_GONE: {
    means: "the process or cgroup that the CPU agent measures has ended",
    next: "start the agent with the new one, or with --when-gone stay to wait until it is there again",
  },
  EK_DOCKER_UNAVAILABLE: {
    means: "Docker is installed, but its daemon does not answer",
    next: "start Docker (Docker Desktop, or `sudo systemctl start docker`) and check it with `docker info`",
  },
  EK_BROKER_UNREACHABLE: {
    means: "the MQTT broker cannot be reached, or does not answer",
    next: "check that it runs and listens there, and the TLS settings; it is tried again",
  },
  EK_BROKER_REFUSED: {
    means: "the MQTT broker refuses this client",
    next: "check its user, password and rights; the message says what was refused",
  },
  EK_RESULTS_UNWRITABLE: {
    means: "results cannot be written; no image is acknowledged until they can, so none is lost",
    next: "make room on the disk or mend the folder's rights; writing is tried again by itself",
  },
  EK_DATABASE_UNREACHABLE: {
    means: "the results' database cannot be used; results wait in the CSV file until it can",
    next: "check DB_HOST, DB_PORT, DB_USER, the password and DB_SSLMODE; it is tried again by itself",
  },
  EK_DATABASE_REFUSED: {
    means: "the database refuses a result, which stays in the CSV file only",
    next: "compare the table with docs/posture-analyzer.md and mend it",
  },
  EK_MODEL_INVALID: {
    means: "a pose model file cannot be used",
    next: "give one as docs/posture-analyzer.md describes it, or none for the built-in estimator",
  },
  EK_TLS_INVALID: {
    means: "certificates of the xDS port cannot be used",
    next: "give a certificate with its key and the root that signs clients, all as PEM",
  },
  EK_CA_UNREACHABLE: {
    means: "the mesh's certificate authority gives no certificate; it is asked again",
    next: "check that istiod runs, that --istio-ca leads to it, and that the pod mounts a token of audience istio-ca",
  },
  EK_CONSOLE_UNREACHABLE: {
    means: "the control plane's console does not answer through the API server",
    next: "forward it (kubectl port-forward -n evenkeel deployment/evenkeel-control-plane 18001) and give --console http://127.0.0.1:18001",
  },
  EK_STOPPED: { means: "a command was stopped before it was done", next: "run it again" },
  EK_PROMETHEUS_FAILED: {
    means: "Prometheus did not answer a query",
    next: "check --prometheus-url, and try --prometheus-query in its own page",
  },
  EK_TRIGGER_INVALID: {
    means: "the metadata of a KEDA trigger cannot be used; its job is not released",
    next: "correct the named keys of the trigger in the ScaledJob",
  },
  EK_FIGURE_STALE: {
    means: "a figure that a release depends on is too old or not there, and nothing is guessed",
    next: "look at the scaler's /nodes: it says which source is silent and why",
  },
  EK_QUEUE_UNREADABLE: {
    means: "the broker does not say how many images wait",
    next: "check that the NATS server runs with JetStream, and --nats-monitor-url",
  },
  EK_QUEUE_MISSING: {
    means: "the broker keeps no images for an analyser: what is published now is lost to it",
    next: "give the scaler MQTT_BROKER and the trigger its mqttTopic, so that the session is made",
  },
  EK_KUBE_CONFIG: {
    means: "there is no usable access to a Kubernetes cluster",
    next: "name a kubeconfig with --kubeconfig FILE (or KUBECONFIG) and a context of it with --context NAME",
  },
  EK_KUBE_UNREACHABLE: {
    means: "the Kubernetes API server does not answer",
    next: "check that the cluster runs and that its address in the kubeconfig is right; what was being done is tried again",
  },
  EK_KUBE_UNAUTHORISED: {
    means: "the Kubernetes API server does not know who asks",
    next: "renew the kubeconfig's credentials, or the pod's service account token",
  },
  EK_KUBE_FORBIDDEN: {
    means: "the Kubernetes API server refuses a request to this account",
    next: "add the RBAC rule that the message gives",
  },
  EK_KUBE_API_MISSING: {
    means: "the cluster does not serve an API that is needed",
    next: "install what serves it",
  },
  EK_KUBE_NOT_FOUND: { means: "an object is not in the cluster", next: "create it, or correct its name" },
  EK_KUBE_CONFLICT: {
    means: "somebody else changed or owns the object",
    next: "read it again and decide anew; the message names the fields and their owner",
  },
  EK_KUBE_GONE: {
    means: "the cluster no longer holds a version that was asked for",
    next: "list the objects again; watches do it by themselves",
  },
  EK_KUBE_REFUSED: { means: "the cluster refuses an object", next: "correct the field that the message names" },
  EK_KUBE_FAILED: {
    means: "the Kubernetes API server could not do what it was asked",
    next: "look at its log if it stays; what was being done is tried again",
  },
} as const satisfies Record<string, { means: string; next: string }>;

/** A stable error code, a key of {@link CATALOGUE}. */
export type ErrorCode = keyof typeof CATALOGUE;

/** An error for a person: what was wrong, where, and what to do next. */
export class EvenkeelError extends Error {
  override readonly name = "EvenkeelError";
  readonly code: ErrorCode;
  /** The place: `file:line:column`, a setting, a URL, an object. */
  readonly where: string | undefined;
  /** What to do next. The catalogue's advice unless the caller knows better. */
  readonly next: string;

  /**
   * @param code the entry of the catalogue
   * @param what what was wrong, in one sentence without a full stop
   * @param options where it was, better advice than the catalogue's, and the error that caused it
   */
  constructor(code: ErrorCode, what: string, options: { where?: string; next?: string; cause?: unknown } = {}) {
    super(what, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.where = options.where;
    this.next = options.next ?? CATALOGUE[code].next;
  }

  /** One line for a terminal or a log: `CODE where: what. Next: …`. */
  describe(): string {
    const where = this.where === undefined ? "" : ` ${this.where}`;
    return `${this.code}${where}: ${this.message}. Next: ${this.next}.`;
  }
}

/** Says any thrown value in one line, an {@link EvenkeelError} with its code and advice. */
export function describeError(error: unknown): string {
  if (error instanceof EvenkeelError) return error.describe();
  if (error instanceof Error) return error.message;
  return String(error);
}
