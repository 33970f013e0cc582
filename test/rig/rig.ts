import { EvenkeelError } from "../../common/errors.ts";
import type { Progress } from "./cache.ts";
import { contextRig } from "./context.ts";
import { waitForApiServer } from "./control-plane-services.ts";
import { clearRig, downRig } from "./down.ts";
import type { ExtraName } from "./extras/extras.ts";
import { waitForIstiod } from "./extras/istio.ts";
import { type Forward, openForward } from "./forward.ts";
import { type Hold, holdRig } from "./hold.ts";
import { importImage } from "./images/import.ts";
import { lockMachine } from "./machine-lock.ts";
import { requireNodeSupport, thisMachine } from "./node/support.ts";
import { checkFolder, checkName, NODE_ADDRESS, stateFolder } from "./place.ts";
import { isAlive } from "./process-table.ts";
import { findPrograms } from "./programs/programs.ts";
import { run } from "./run.ts";
import { killService, logFile, stopService } from "./services.ts";
import { makeSession, type Session } from "./session.ts";
import { type RigState, readState } from "./state.ts";
import { upApiOnly, upNode } from "./up.ts";
import { onNetwork } from "./words.ts";

export interface RigOptions {
  /** Default `default`. */
  readonly name?: string;
  /** Default istio and metrics. */
  readonly with?: readonly ExtraName[];
  /** etcd, API server and controller manager alone: no node, no rights needed. */
  readonly apiOnly?: boolean;
  /** A context of the user's own kubeconfig: nothing is started. */
  readonly context?: string;
  /** A start that fails is left as it is, for a look at its logs; otherwise it is taken down. */
  readonly keep?: boolean;
  readonly onProgress?: Progress;
}

/** A cluster for tests that is up. */
export interface Rig {
  readonly name: string;
  readonly kind: "node" | "api-only" | "context";
  /** Path of an admin's kubeconfig. With a node, its address is only reached on the rig's network: see `inside`. */
  readonly kubeconfig: string;
  /** The node's address on the rig's network; undefined without a node of ours. */
  readonly nodeAddress: string | undefined;
  /** Runs kubectl and gives its standard output. @throws EvenkeelError EK_CHILD_FAILED with what it complained of */
  kubectl(args: readonly string[], stdin?: string): Promise<string>;
  /** Runs a command on the rig's network, where pods, Services and the cluster's DNS names are reached. */
  exec(command: readonly string[], stdin?: string): Promise<string>;
  /** The words that run a command there, for a child of one's own: signals reach the command itself. */
  inside(command: readonly string[]): string[];
  /**
   * Opens a port on this machine's loopback that leads to an address on the rig's network, as long as this process lives.
   * @param target `HOST:PORT`, a DNS name of the cluster too
   */
  forward(target: string): Promise<Forward>;
  /** Loads an image archive, as `docker save` and `packImage` write it. */
  loadImage(archive: string): Promise<void>;
  /** Ends a part (`kube-apiserver`, `istiod`, `kubelet` …) and starts it again as it was; the two named first are awaited. */
  restart(part: string): Promise<void>;
  /** Ends a part at once, as a crash would. `restart` brings it back. */
  kill(part: string): Promise<void>;
  /** The log file of a part. */
  log(part: string): string;
  down(): Promise<void>;
}

const DEFAULT_EXTRAS: readonly ExtraName[] = ["istio", "metrics"];

/**
 * Starts a rig, or takes the one of that name that is up, has what is wanted, and that no other living process uses. It is
 * then this process's until `down` or the process's end. What a broken start left is removed first.
 * @throws EvenkeelError EK_RIG_BUSY, EK_RIG_UNSUPPORTED, EK_PROGRAM_MISSING, EK_CHILD_FAILED, EK_TIMEOUT
 */
export async function upRig(options: RigOptions = {}): Promise<Rig> {
  const onProgress = options.onProgress ?? (() => undefined);
  if (options.context !== undefined) return contextRig(options.context, onProgress);
  const name = checkName(options.name ?? "default");
  const folder = stateFolder(name);
  const hold = holdRig(folder);
  try {
    return await upHeld({ ...options, name, onProgress }, folder, hold);
  } catch (error) {
    if (hold.isNew) hold.release();
    throw error;
  }
}

type Order = RigOptions & { readonly name: string; readonly onProgress: Progress };

async function upHeld(options: Order, folder: string, hold: Hold): Promise<Rig> {
  const { name, onProgress } = options;
  const extras = options.apiOnly === true ? [] : (options.with ?? DEFAULT_EXTRAS);
  const state = readState(folder);
  if (state !== undefined && isUp(state)) {
    const missing = extras.filter((extra) => !state.extras.includes(extra));
    if (missing.length === 0) return rigOf(await openSession(folder, state, onProgress), hold);
    throw new EvenkeelError("EK_RIG_BUSY", `the rig ${name} is up without ${missing.join(", ")}`, { where: folder });
  }
  if (state?.phase === "starting" && isAlive(state.starter))
    throw new EvenkeelError("EK_RIG_BUSY", `process ${state.starter.pid} is starting the rig ${name}`, {
      where: folder,
      next: "wait until it is up",
    });
  if (options.apiOnly !== true) {
    requireNodeSupport(thisMachine());
    checkFolder(folder);
  }
  await clearRig(folder, onProgress);
  const lock = options.apiOnly === true ? undefined : lockMachine(folder);
  try {
    const session = await (lock === undefined
      ? upApiOnly(folder, name, onProgress)
      : upNode({ folder, name, extras, lock, onProgress }));
    return rigOf(session, hold);
  } catch (error) {
    if (options.keep !== true) await clearRig(folder, onProgress);
    lock?.release();
    throw error;
  }
}

/**
 * A rig that is up already, whoever uses it.
 * @throws EvenkeelError EK_RIG_DOWN
 */
export async function openRig(name: string, onProgress: Progress = () => undefined): Promise<Rig> {
  const folder = stateFolder(checkName(name));
  const state = readState(folder);
  if (state === undefined) throw new EvenkeelError("EK_RIG_DOWN", `there is no rig ${name}`, { where: folder });
  return rigOf(await openSession(folder, state, onProgress));
}

async function openSession(folder: string, state: RigState, onProgress: Progress): Promise<Session> {
  return makeSession(folder, state, await findPrograms(["kubectl"], onProgress), onProgress);
}

/** Is a rig completely started, and are its namespaces (or, without a node, its API server) still there? */
export function isUp(state: RigState): boolean {
  const anchor = state.sandbox?.init ?? state.services["kube-apiserver"]?.leader;
  return state.phase === "up" && anchor !== undefined && isAlive(anchor);
}

/** @param hold of the process that has started it or taken it over */
function rigOf(session: Session, hold?: Hold): Rig {
  const { name, kind, kubeconfig, sandbox } = session.state();
  const inside = (command: readonly string[]) => onNetwork(session.folder, sandbox, command);
  return {
    name,
    kind,
    kubeconfig,
    nodeAddress: kind === "node" ? NODE_ADDRESS : undefined,
    kubectl: session.kubectl,
    async exec(command, stdin) {
      const [program, ...args] = inside(command) as [string, ...string[]];
      return run(program, args, stdin === undefined ? {} : { stdin });
    },
    inside,
    forward: (target) => openForward(target, inside),
    async loadImage(archive) {
      if (kind === "node") return importImage(session, archive);
      throw new EvenkeelError(
        "EK_RIG_UNSUPPORTED",
        "without a node there is no container runtime to load an image into",
        {
          where: session.folder,
          next: "start the rig without --api-only",
        },
      );
    },
    async restart(part) {
      const { leader, ...spec } = serviceOf(session, part);
      await stopService(leader);
      await session.start(spec);
      if (part === "kube-apiserver") await waitForApiServer(session);
      if (part === "istiod") await waitForIstiod(session);
    },
    kill: async (part) => killService(serviceOf(session, part).leader),
    log: (part) => logFile(session.folder, part),
    async down() {
      // Once it was taken away by force, a rig of that name is somebody else's.
      if (hold === undefined || hold.isHeld()) await downRig(session.folder, { onProgress: session.onProgress });
    },
  };
}

function serviceOf(session: Session, part: string) {
  const { services } = session.state();
  const service = services[part];
  if (service !== undefined) return service;
  throw new EvenkeelError("EK_RIG_DOWN", `the rig has no part ${part}, only ${Object.keys(services).join(", ")}`, {
    where: session.folder,
    next: "name one of these",
  });
}
