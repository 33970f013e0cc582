import { existsSync, readFileSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { accounts } from "./accounts.ts";
import type { ImageSpec } from "./archive.ts";
import { file, type LayerEntry, tree } from "./layer.ts";
import { librariesOf } from "./libraries.ts";
import { pythonLayer } from "./python.ts";

export const EVENKEEL_IMAGE = "docker.io/evenkeel/evenkeel:rig";

const REPOSITORY = resolve(import.meta.dirname, "../../..");

/** The top folders whose code runs in production, and what else is read at run time. */
const CODE = ["cli", "common", "examples", "k6", "manifests", "operator", "proto", "sidecar", "workloads", "xds"];

export interface EvenkeelImageOptions {
  /** Default {@link EVENKEEL_IMAGE}. */
  readonly name?: string;
  /** Also the machine's Python with its standard library, for the scripts that workers run. */
  readonly python?: boolean;
  /** More files, for tests. */
  readonly extra?: readonly LayerEntry[];
}

/**
 * Evenkeel as it is in this repository, in an image: Node 24, the production code and the packages it needs, at /app.
 * Its entry point is Node: give it a file and its arguments, e.g. `cli/evenkeel.ts control-plane`.
 */
export async function evenkeelImage(options: EvenkeelImageOptions = {}): Promise<ImageSpec> {
  const node = join(REPOSITORY, "node_modules", "node", "bin", "node");
  const shell = ["/bin/sh", "/bin/sleep", "/bin/cat"].filter((path) => existsSync(path));
  const modules = productionModules();
  const compiled = modules.flatMap((entry) => (entry.kind === "file" && isCompiled(entry.path) ? [entry.source] : []));
  const libraries = await librariesOf([node, ...shell.map((path) => realpathSync(path)), ...compiled]);
  const runtime = [
    ...accounts(),
    file(node, "/usr/local/bin/node"),
    ...shell.map((path) => file(path)),
    // What packages bring themselves they find beside them.
    ...libraries.filter(({ path }) => !path.startsWith(REPOSITORY)),
  ];
  return {
    name: options.name ?? EVENKEEL_IMAGE,
    entrypoint: ["/usr/local/bin/node"],
    workingFolder: "/app",
    env: { NODE_ENV: "production" },
    layers: [
      runtime,
      ...(options.python === true ? [await pythonLayer()] : []),
      modules,
      [...code(), ...(options.extra ?? [])],
    ],
  };
}

function code(): LayerEntry[] {
  const wanted = (relative: string) => !relative.endsWith(".test.ts") && !relative.includes("node_modules");
  const folders = CODE.filter((folder) => existsSync(join(REPOSITORY, folder)));
  return [
    file(join(REPOSITORY, "package.json"), "/app/package.json"),
    ...folders.flatMap((folder) => tree(join(REPOSITORY, folder), `/app/${folder}`, wanted)),
  ];
}

function productionModules(): LayerEntry[] {
  const lock = JSON.parse(readFileSync(join(REPOSITORY, "package-lock.json"), "utf8")) as PackageLock;
  return productionPaths(lock).flatMap((path) => {
    const from = join(REPOSITORY, path);
    return existsSync(from) ? tree(from, `/app/${path}`, isNeeded) : [];
  });
}

interface PackageLock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>;
}

/** The folders of the packages that production needs: those that the lock file does not mark for development. */
export function productionPaths(lock: PackageLock): string[] {
  return Object.entries(lock.packages)
    .filter(([path, facts]) => path !== "" && facts.dev !== true && facts.devOptional !== true)
    .map(([path]) => path);
}

/** A package's compiled part, whose libraries the image must have. */
function isCompiled(path: string): boolean {
  return /\.node$|\.so(\.\d+)*$/.test(path);
}

/** TypeScript (which Node does not run in packages) and source maps are for those who write code; packages inside packages have entries of their own. */
function isNeeded(relative: string): boolean {
  return !/\.[mc]?ts$|\.map$|\.md$/.test(relative) && !/(^|\/)node_modules(\/|$)/.test(relative);
}
