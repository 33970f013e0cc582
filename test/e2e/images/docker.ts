import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeRunner, type RunOptions } from "../../../cli/setup/runner.ts";
import { type Child, startChild } from "../../../common/child.ts";
import { EvenkeelError } from "../../../common/errors.ts";
import { type Progress, platformCache } from "../../rig/cache.ts";
import { makeCgroups, removeCgroups } from "../../rig/node/cgroups.ts";
import { requireNodeSupport, thisMachine } from "../../rig/node/support.ts";
import { unpackPackages } from "../../rig/programs/debian.ts";
import { waitUntil } from "../../rig/ready.ts";

/** A Docker daemon of our own. */
export interface Docker {
  /** For programs that call `docker`: it is first on PATH there. */
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  /**
   * Runs `docker`.
   * @returns its standard output
   * @throws EvenkeelError EK_CHILD_FAILED with the end of what it said
   */
  docker(args: readonly string[], options?: RunOptions): Promise<string>;
  stop(): Promise<void>;
}

/** Of Debian 12; what they need besides is on every Debian. */
const PACKAGES = ["docker.io", "containerd", "runc", "libdevmapper1.02.1"];
const CGROUP = `evenkeel-images-${process.pid}`;
const START_MS = 120_000;
/** With this much memory to spare the daemon keeps its files there: images and what builds unpack take about 4 GiB. */
const ROOMY_BYTES = 8 * 2 ** 30;

/**
 * Starts Debian's Docker in mount and process namespaces of its own: when they end, nothing of it is left but the folder. It
 * touches neither bridges nor the firewall, so builds have the machine's network and containers none.
 * @param folder a new one for all that it keeps
 * @param mirror the URL of what it asks in the place of Docker Hub
 * @throws EvenkeelError EK_RIG_UNSUPPORTED without root on Linux, EK_PROGRAM_MISSING without Debian, EK_CHILD_FAILED, EK_TIMEOUT
 */
export async function startDocker(folder: string, mirror: string, say: Progress, signal: AbortSignal): Promise<Docker> {
  requireNodeSupport(thisMachine());
  const root = await unpackPackages("docker", PACKAGES, platformCache(), say);
  mkdirSync(folder);
  const socket = join(folder, "docker.sock");
  const env = {
    ...process.env,
    PATH: `${programFolder(folder, root)}:${process.env.PATH}:/usr/sbin:/sbin`,
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_CONFIG: join(folder, "config"),
    // What Docker 23 and newer do by themselves.
    DOCKER_BUILDKIT: "1",
    BUILDKIT_PROGRESS: "plain",
  };
  makeCgroups(CGROUP);
  const daemon = await startDaemon(folder, env, ["--host", `unix://${socket}`, "--registry-mirror", mirror]);
  const stop = async () => {
    // There is nothing to save: the kernel ends all that runs in the namespaces.
    await daemon.stop(0);
    await waitUntil("the end of Docker's control groups", () => removeCgroups(CGROUP).length === 0, {
      timeoutMs: 20_000,
    });
  };
  try {
    const run = makeRunner(env, signal);
    const docker = async (args: readonly string[], options?: RunOptions) => {
      const { code, stdout, stderr } = await run("docker", args, options);
      if (code === 0) return stdout;
      throw new EvenkeelError("EK_CHILD_FAILED", `it ended with ${code}: ${(stderr || stdout).trim().slice(-2000)}`, {
        where: `docker ${args.join(" ").slice(0, 200)}`,
      });
    };
    return { env, version: await firstAnswer(daemon, docker), docker, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startDaemon(folder: string, env: NodeJS.ProcessEnv, flags: readonly string[]): Promise<Child> {
  const data = join(folder, "data");
  mkdirSync(data);
  const words = [
    "dockerd",
    ...["--data-root", data, "--exec-root", join(folder, "exec"), "--pidfile", join(folder, "dockerd.pid")],
    ...["--bridge=none", "--iptables=false", "--ip6tables=false", "--userland-proxy=false"],
    ...[`--cgroup-parent=/${CGROUP}`, "--exec-opt=native.cgroupdriver=cgroupfs"],
    ...flags,
  ];
  const script = [
    "mount --make-rprivate /",
    ...(process.availableMemory() < ROOMY_BYTES ? [] : [`mount -t tmpfs -o mode=711 images '${data}'`]),
    'exec "$@"',
  ].join("\n");
  const namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  return startChild("unshare", [...namespaces, "sh", "-ec", script, "sh", ...words], { name: "dockerd", env });
}

/** Waits until the daemon answers. @returns its version */
async function firstAnswer(daemon: Child, docker: Docker["docker"]): Promise<string> {
  let isOver = false;
  void daemon.exited.then(() => {
    isOver = true;
  });
  let version = "";
  const ask = async () => {
    version = (await docker(["version", "--format", "{{.Server.Version}}"])).trim();
    return true;
  };
  const giveUp = () => {
    if (!isOver) return;
    throw new EvenkeelError("EK_CHILD_FAILED", `it ended: ${daemon.lastLines().slice(-5).join(" | ")}`, {
      where: "dockerd",
    });
  };
  await waitUntil("an answer of dockerd", ask, { timeoutMs: START_MS, giveUp });
  return version;
}

/** A folder for PATH. Its `docker` gives builds the machine's network: there is no bridge that they could have. */
function programFolder(folder: string, root: string): string {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const libraries = ["lib", "usr/lib"].flatMap((lib) =>
    existsSync(join(root, lib)) ? readdirSync(join(root, lib)).map((triplet) => join(root, lib, triplet)) : [],
  );
  const network = 'if [ "$1" = build ]; then shift; set -- build --network=host "$@"; fi\n';
  for (const sub of ["usr/bin", "usr/sbin"])
    for (const name of readdirSync(join(root, sub))) {
      const run = `LD_LIBRARY_PATH='${libraries.join(":")}' exec '${join(root, sub, name)}' "$@"`;
      writeFileSync(join(bin, name), `#!/bin/sh\n${name === "docker" ? network : ""}${run}\n`);
      chmodSync(join(bin, name), 0o755);
    }
  return bin;
}
