import { readFileSync, renameSync, writeFileSync } from "node:fs";
import type { ControlPlanePlace } from "./control-plane.ts";
import { paths } from "./place.ts";
import type { ProcessId } from "./process-table.ts";

/** How a long-running part was started, so that it can be started again. */
export interface ServiceSpec {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Besides the rig's own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface ServiceState extends ServiceSpec {
  /** Leader of its process group. */
  readonly leader: ProcessId;
}

/** The namespaces of a rig with a node. */
export interface SandboxState {
  /** The process outside that waits for `init`. */
  readonly keeper: ProcessId;
  /** First process of the PID namespace: all others end with it. */
  readonly init: ProcessId;
  /** Folders of the machine that were made as mount points and are removed again. */
  readonly madeFolders: readonly string[];
}

/** Everything that `down` and later commands need to know, kept in a file from the first step on. */
export interface RigState {
  readonly name: string;
  readonly kind: "node" | "api-only";
  readonly phase: "starting" | "up";
  /** Who starts it, or started it. */
  readonly starter: ProcessId;
  readonly kubeconfig: string;
  readonly place: ControlPlanePlace;
  /** Folders before PATH for every part. */
  readonly path: readonly string[];
  readonly extras: readonly string[];
  readonly sandbox?: SandboxState;
  readonly services: Readonly<Record<string, ServiceState>>;
}

/** @returns undefined when there is no rig in that folder */
export function readState(folder: string): RigState | undefined {
  try {
    return JSON.parse(readFileSync(paths(folder).state, "utf8")) as RigState;
  } catch {
    return undefined;
  }
}

/** Replaces the file in one step. */
export function writeState(folder: string, state: RigState): void {
  const { state: file } = paths(folder);
  writeFileSync(`${file}.new`, JSON.stringify(state, null, 2), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
