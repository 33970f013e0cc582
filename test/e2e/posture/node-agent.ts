import { join } from "node:path";
import { type Child, startChild } from "../../../common/child.ts";
import type { Rig } from "../../rig/rig.ts";

const REPOSITORY = join(import.meta.dirname, "..", "..", "..");

/** `evenkeel agent` of one node. */
export interface NodeAgent {
  readonly port: number;
  start(): Promise<void>;
  kill(): Promise<void>;
}

export interface NodeAgentOptions {
  readonly node: string;
  readonly port: number;
  /** The control group of all that runs on the node, e.g. `/evenkeel-rig-posture/kubepods`. */
  readonly cgroup: string;
  readonly cores: number;
}

/**
 * Starts a node's agent as a process on the rig's network. It measures the node's own control group instead of the machine,
 * because all nodes share the one machine, with its other work.
 */
export async function startNodeAgent(
  rig: Rig,
  { node, port, cgroup, cores }: NodeAgentOptions,
  ends: AsyncDisposableStack,
): Promise<NodeAgent> {
  const flags = {
    "--scope": "cgroup",
    "--cgroup": cgroup,
    "--cpus": cores,
    "--orca-port": port,
    "--interval": "1s",
    "--when-gone": "stay",
  };
  const words = Object.entries(flags).flatMap(([flag, value]) => [flag, String(value)]);
  const agentWords = [process.execPath, join(REPOSITORY, "cli", "evenkeel.ts"), "agent", ...words];
  const [command, ...args] = rig.inside(agentWords) as [string, ...string[]];
  let child: Child | undefined;
  ends.defer(() => child?.stop());
  const agent: NodeAgent = {
    port,
    async start() {
      child = await startChild(command, args, { name: `agent of ${node}` });
    },
    async kill() {
      child?.signal("SIGKILL");
      await child?.exited;
    },
  };
  await agent.start();
  return agent;
}
