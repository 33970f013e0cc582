import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Progress } from "../cache.ts";
import { unpackPackages } from "./debian.ts";

/**
 * The environment in which runc builds against libseccomp: the machine's own where its headers are installed, else an
 * unpacked package, linked statically so that runc needs nothing at run time.
 */
export async function seccompEnvironment(folder: string, onProgress: Progress): Promise<NodeJS.ProcessEnv> {
  if (existsSync("/usr/include/seccomp.h") && hasPkgConfig()) return {};
  const root = await unpackPackages("libseccomp", ["libseccomp-dev"], folder, onProgress);
  const libraries = libraryFolder(root);
  // Without the link to the shared library, the linker takes the static one.
  rmSync(join(libraries, "libseccomp.so"), { force: true });
  const script = join(root, "bin", "pkg-config");
  mkdirSync(join(root, "bin"), { recursive: true });
  writeFileSync(script, pkgConfigScript(join(root, "usr", "include"), libraries));
  chmodSync(script, 0o755);
  return { PKG_CONFIG: script };
}

/** A pkg-config that knows one library: the real one is often missing where its headers are, too. */
export function pkgConfigScript(include: string, libraries: string): string {
  return `#!/bin/sh
case "$*" in
  *--cflags*) echo "-I${include}" ;;
  *--libs*) echo "-L${libraries} -lseccomp" ;;
esac
`;
}

function hasPkgConfig(): boolean {
  return (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, "pkg-config")));
}

function libraryFolder(root: string): string {
  const lib = join(root, "usr", "lib");
  const triplet = readdirSync(lib).find((name) => existsSync(join(lib, name, "libseccomp.a")));
  return triplet === undefined ? lib : join(lib, triplet);
}
