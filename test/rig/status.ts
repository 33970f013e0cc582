import { userOf } from "./hold.ts";
import { stateFolder } from "./place.ts";
import { isAlive } from "./process-table.ts";
import type { Rig } from "./rig.ts";
import { readState } from "./state.ts";

/** What a rig consists of, for a terminal. */
export async function statusText(rig: Rig): Promise<string> {
  const state = rig.kind === "context" ? undefined : readState(stateFolder(rig.name));
  const lines = [`rig ${rig.name} (${rig.kind})`, `kubeconfig ${rig.kubeconfig}`];
  if (state !== undefined) {
    lines[0] += state.phase === "up" ? "" : ", not completely started";
    const user = userOf(stateFolder(rig.name));
    if (user !== undefined) lines.push(`used by ${user}`);
    for (const service of Object.values(state.services)) {
      const condition = isAlive(service.leader) ? "runs" : "has ended";
      const process = `${condition}, process ${service.leader.pid}`;
      lines.push(`  ${service.name.padEnd(24)} ${process.padEnd(30)} ${rig.log(service.name)}`);
    }
  }
  const nodes = await rig
    .kubectl(["get", "nodes", "--request-timeout=5s"])
    .catch(() => "the API server does not answer\n");
  return `${lines.join("\n")}\n${nodes}`;
}
