import { existsSync, readdirSync, readFileSync, realpathSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { EvenkeelError } from "../../../../common/errors.ts";
import { type Progress, platformCache } from "../../../rig/cache.ts";
import { packImage } from "../../../rig/images/archive.ts";
import { file, type LayerEntry, tree } from "../../../rig/images/layer.ts";
import { librariesOf } from "../../../rig/images/libraries.ts";
import { iptablesFolder } from "../../../rig/programs/iptables.ts";
import { findPrograms } from "../../../rig/programs/programs.ts";
import type { Rig } from "../../../rig/rig.ts";

const IMAGE = "docker.io/evenkeel/proxy-init:rig";
const COMMANDS = ["iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"];

/**
 * Gives the rig what sidecars need that intercept: an image with iptables for their init container. The rig's own proxy
 * image has none.
 */
export async function allowInterception(rig: Rig, onProgress: Progress): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-e2e-init-"));
  try {
    const archive = join(folder, "image.tar");
    const { "pilot-agent": agent = "" } = await findPrograms(["pilot-agent"], onProgress);
    await packImage(
      {
        name: IMAGE,
        entrypoint: ["/usr/local/bin/pilot-agent"],
        layers: [[...(await iptables(onProgress)), file(agent, "/usr/local/bin/pilot-agent")]],
      },
      archive,
    );
    await rig.loadImage(archive);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  await setInitImage(rig);
}

/** iptables by the names under which Istio calls it: what the rig has unpacked, or the machine's own. */
async function iptables(onProgress: Progress): Promise<readonly LayerEntry[]> {
  const unpacked = await iptablesFolder(platformCache(), onProgress);
  const program = unpacked === undefined ? ownProgram() : wrappedProgram(join(unpacked, "iptables"));
  const libraries = unpacked === undefined ? "/usr/lib" : join(dirname(unpacked), "usr", "lib");
  const triplet = readdirSync(libraries).find((name) => name.endsWith("-linux-gnu")) ?? "";
  const isNeeded = (path: string) => unpacked !== undefined || path.startsWith("xtables");
  return [
    ...(await librariesOf([program])),
    ...tree(join(libraries, triplet), `/usr/lib/${triplet}`, isNeeded),
    ...COMMANDS.map((command) => file(program, `/usr/sbin/${command}`)),
    ...["/run", "/tmp"].map((path) => ({ kind: "folder", path, mode: 0o1777 }) as const),
  ];
}

function ownProgram(): string {
  const path = ["/usr/sbin/iptables", "/sbin/iptables"].find((candidate) => existsSync(candidate));
  if (path === undefined) throw new EvenkeelError("EK_PROGRAM_MISSING", "iptables is not in /usr/sbin");
  return realpathSync(path);
}

/** The program that a script of the rig calls, which has found out which kind of iptables the kernel knows. */
function wrappedProgram(script: string): string {
  const program = /\S+\/xtables-\w+-multi/.exec(readFileSync(script, "utf8"))?.[0];
  if (program === undefined) throw new EvenkeelError("EK_PROGRAM_MISSING", `${script} calls no iptables`);
  return program;
}

/** Where Istio's injection takes its init container from; istiod follows its ConfigMap. */
async function setInitImage(rig: Rig): Promise<void> {
  const configMap = ["configmap", "istio-sidecar-injector", "-n", "istio-system"];
  const values = JSON.parse(
    await rig.kubectl(["get", ...configMap, "-o", "jsonpath={.data.values}"]),
  ) as InjectorValues;
  const next = { ...values, global: { ...values.global, proxy_init: { ...values.global.proxy_init, image: IMAGE } } };
  const patch = JSON.stringify({ data: { values: JSON.stringify(next) } });
  await rig.kubectl(["patch", ...configMap, "--type=merge", "-p", patch]);
}

interface InjectorValues {
  readonly global: { readonly proxy_init?: object };
}
