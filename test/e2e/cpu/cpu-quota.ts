import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cgroupName } from "../../rig/node/cgroups.ts";

/** How much CPU time a container gets in each period, both in microseconds. */
export interface Quota {
  readonly quotaUs: number;
  readonly periodUs: number;
}

/** What Kubernetes sets. */
const USUAL_PERIOD_US = 100_000;

/** Sets a container's quota in its control group (cgroup v1 or v2), which a pod's own limits cannot make as small. */
export function setQuota(rig: string, containerId: string, { quotaUs, periodUs }: Quota): void {
  const roots = [join("/sys/fs/cgroup/cpu", cgroupName(rig)), join("/sys/fs/cgroup", cgroupName(rig))];
  const group = roots.filter((root) => existsSync(root)).flatMap((root) => find(root, containerId))[0];
  if (group === undefined) throw new Error(`there is no control group of the container ${containerId}`);
  for (const [file, value] of settings(group, { quotaUs, periodUs })) writeFileSync(join(group, file), value);
}

function settings(group: string, { quotaUs, periodUs }: Quota): (readonly [file: string, value: string])[] {
  if (existsSync(join(group, "cpu.max"))) return [["cpu.max", `${quotaUs} ${periodUs}`]];
  const quota = ["cpu.cfs_quota_us", String(quotaUs)] as const;
  const period = ["cpu.cfs_period_us", String(periodUs)] as const;
  // Never more in between than the pod's own group allows: a longer period comes first, a shorter one last.
  return periodUs > USUAL_PERIOD_US ? [period, quota] : [quota, period];
}

function find(folder: string, containerId: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => (name.includes(containerId) ? [join(folder, name)] : find(join(folder, name), containerId)));
}
