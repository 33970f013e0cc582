import { chmodSync, existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Progress } from "../cache.ts";
import { run } from "../run.ts";
import { unpackPackages } from "./debian.ts";

const PACKAGES = [
  "iptables",
  "conntrack",
  "libxtables12",
  "libnftnl11",
  "libmnl0",
  "libip4tc2",
  "libip6tc2",
  "libnetfilter-conntrack3",
  "libnfnetlink0",
];

/** The commands that kube-proxy and the portmap plugin call. */
const COMMANDS = ["iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore"];

/**
 * A folder for PATH that holds iptables and conntrack, unpacked from Debian packages when the machine has none.
 * @returns undefined when the machine's own is there
 * @throws EvenkeelError EK_PROGRAM_MISSING
 */
export async function iptablesFolder(folder: string, onProgress: Progress): Promise<string | undefined> {
  const own = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/sbin"];
  if (own.some((path) => existsSync(join(path, "iptables-restore")))) return undefined;
  const root = await unpackPackages("iptables", PACKAGES, folder, onProgress);
  const bin = join(root, "bin");
  if (existsSync(bin)) return bin;
  const libraries = libraryFolder(root);
  const sbin = join(root, "usr", "sbin");
  // Which of the two back ends a kernel has, only a try can tell.
  const nft = wrapper(libraries, join(sbin, "xtables-nft-multi"), "iptables");
  const works = await run("unshare", ["--net", "sh", "-c", `${nft} -t nat -L -n`]).then(
    () => true,
    () => false,
  );
  const program = join(sbin, works ? "xtables-nft-multi" : "xtables-legacy-multi");
  mkdirSync(bin);
  for (const command of COMMANDS) writeScript(join(bin, command), wrapper(libraries, program, command));
  writeScript(join(bin, "conntrack"), wrapper(libraries, join(sbin, "conntrack")));
  return bin;
}

/** A shell command that runs an unpacked program with the libraries it was unpacked with. */
export function wrapper(libraries: string, program: string, command = ""): string {
  return `env LD_LIBRARY_PATH=${libraries} XTABLES_LIBDIR=${libraries}/xtables ${program} ${command}`.trim();
}

function writeScript(path: string, command: string): void {
  writeFileSync(path, `#!/bin/sh\nexec ${command} "$@"\n`);
  chmodSync(path, 0o755);
}

function libraryFolder(root: string): string {
  const lib = join(root, "usr", "lib");
  const triplet = readdirSync(lib).find((name) => name.endsWith("-linux-gnu"));
  return triplet === undefined ? lib : join(lib, triplet);
}
