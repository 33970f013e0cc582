import type { Progress } from "./cache.ts";
import type { Programs } from "./programs/programs.ts";
import { run } from "./run.ts";
import { entering, startService } from "./services.ts";
import { type RigState, type ServiceSpec, writeState } from "./state.ts";

/** A rig that is being started or was found again: its state, always as written in its file. */
export interface Session {
  readonly folder: string;
  readonly onProgress: Progress;
  state(): RigState;
  update(change: Partial<RigState>): void;
  /** Starts a part and remembers it. */
  start(spec: ServiceSpec): Promise<void>;
  /** Runs a command on the node (or here, when there is none) and gives its standard output. */
  inside(command: readonly string[], stdin?: string): Promise<string>;
  kubectl(args: readonly string[], stdin?: string): Promise<string>;
}

export function makeSession(folder: string, first: RigState, programs: Programs, onProgress: Progress): Session {
  let state = first;
  const update = (change: Partial<RigState>) => {
    state = { ...state, ...change };
    writeState(folder, state);
  };
  const inside = (command: readonly string[], stdin?: string) => {
    const [program, ...args] = [...entering(state.sandbox), ...command] as [string, ...string[]];
    return run(program, args, stdin === undefined ? {} : { stdin });
  };
  return {
    folder,
    onProgress,
    state: () => state,
    update,
    async start(spec) {
      const service = await startService(folder, state, spec);
      update({ services: { ...state.services, [spec.name]: service } });
    },
    inside,
    kubectl: (args, stdin) => inside([programs.kubectl as string, "--kubeconfig", state.kubeconfig, ...args], stdin),
  };
}
