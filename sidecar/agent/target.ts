import { EvenkeelError } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import { cgroupNamed, cgroupOf } from "./cgroup-paths.ts";
import { treeDiscovery, visibleDiscovery } from "./discovery.ts";
import type { Opened } from "./measurement.ts";
import { cgroupMeter, type Meter, machineMeter, treeMeter, visibleMeter } from "./meter.ts";
import type { ProcFiles } from "./proc-files.ts";
import { type Choice, chooseScope, lookAround } from "./scope.ts";
import type { AgentSettings } from "./settings.ts";

type Wanted = Pick<AgentSettings, "scope" | "pid" | "cgroup" | "cpus">;

/**
 * Opens what the settings ask for, looking anew each time: the other containers of a pod may start after the agent.
 * @throws EvenkeelError EK_SETTING_INVALID when a scope lacks the setting that names its target
 */
export function targetOpener(files: ProcFiles, wanted: Wanted, self: number, log: Logger): () => Opened {
  if (wanted.scope === "tree" && wanted.pid === undefined)
    throw new EvenkeelError("EK_SETTING_INVALID", "scope tree needs the process at its root", {
      where: "--scope tree",
      next: "give --pid PID",
    });
  if (wanted.pid !== undefined && wanted.cgroup !== undefined)
    throw new EvenkeelError("EK_SETTING_INVALID", "--pid and --cgroup name two targets", { where: "--pid, --cgroup" });
  let told = "";
  return () => {
    const choice = chooseScope(
      wanted.scope,
      lookAround(files, self, { cgroup: wanted.cgroup !== undefined, pid: wanted.pid !== undefined }),
    );
    const opened = open(files, wanted, self, choice);
    const message = opened.kind === "meter" ? choice.reason : opened.reason;
    if (message !== told) {
      told = message;
      if (opened.kind === "absent") log.warn({ scope: choice.scope ?? "none" }, message);
      else log.info({ scope: choice.scope, cores: wanted.cpus ?? opened.meter.capacity() }, `measuring: ${message}`);
      if (choice.scope === "visible" && wanted.cpus === undefined)
        log.warn(
          "the limits of the other containers cannot be seen from here: give --cpus, or all cores of the machine count",
        );
    }
    return opened;
  };
}

function open(files: ProcFiles, wanted: Wanted, self: number, choice: Choice): Opened {
  switch (choice.scope) {
    case undefined:
      return { kind: "absent", reason: choice.reason };
    case "machine":
      return { kind: "meter", meter: machineMeter(files) };
    case "visible":
      return { kind: "meter", meter: visibleMeter(files, visibleDiscovery(files), self) };
    case "cgroup": {
      const folders = wanted.cgroup === undefined ? cgroupOf(files) : cgroupNamed(files, wanted.cgroup);
      const missing = `there is no cgroup ${wanted.cgroup ?? "of our own"} that can be read here`;
      return folders === undefined
        ? { kind: "absent", reason: missing }
        : ifAlive(cgroupMeter(files, folders, self), missing);
    }
    case "tree": {
      const root = wanted.pid as number;
      const meter = treeMeter(files, treeDiscovery(files, root), root, self);
      return ifAlive(meter, `there is no process ${root}`);
    }
  }
}

function ifAlive(meter: Meter, missing: string): Opened {
  if (meter.alive()) return { kind: "meter", meter };
  meter.close();
  return { kind: "absent", reason: missing };
}
