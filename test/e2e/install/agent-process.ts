import { readdirSync, readFileSync } from "node:fs";

/** The agent in a pod of the rig, as this machine sees it. */
export interface AgentProcess {
  /** It hangs: its connections stay, and nothing comes of them. */
  pause(): void;
  go(): void;
}

/** Finds a pod's agent by the pod's control group. @throws Error when there is not exactly one */
export function agentProcess(podUid: string): AgentProcess {
  const found = readdirSync("/proc").filter(
    (pid) => /^\d+$/.test(pid) && read(pid, "cgroup").includes(podUid) && read(pid, "cmdline").includes("\0agent\0"),
  );
  const [pid] = found;
  if (pid === undefined || found.length > 1) throw new Error(`${found.length} agents in the pod ${podUid}`);
  return {
    pause: () => void process.kill(Number(pid), "SIGSTOP"),
    go: () => void process.kill(Number(pid), "SIGCONT"),
  };
}

/** Empty when the process has ended. */
function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
