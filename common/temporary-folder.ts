import { createHash } from "node:crypto";
import { lstatSync, readlinkSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { readProcess } from "./process-entry.ts";

/** `evenkeel-KIND-HOST-NAMESPACE-PID-TICKS-RANDOM`: with its owner, as {@link owner} tells it. */
const NAME = /^evenkeel-[a-z]+-(?<host>[0-9a-f]{8})-(?<namespace>\d+)-(?<pid>\d+)-(?<ticks>\d+)-[A-Za-z0-9]{6}$/;

let swept: Promise<void> | undefined;

/**
 * Makes a folder for this process alone. The first call also removes those whose owner is gone: a process that is killed
 * leaves its own behind.
 * @param kind what it is for, in small letters
 */
export async function temporaryFolder(kind: string): Promise<string> {
  const root = tmpdir();
  swept ??= removeLeftFolders(root);
  await swept;
  return await mkdtemp(join(root, `evenkeel-${kind}-${owner()}-`));
}

/**
 * Removes the folders below `root` that {@link temporaryFolder} has made for processes of this user which are gone. What
 * cannot be judged, or is not certainly ours, stays.
 */
export async function removeLeftFolders(root: string): Promise<void> {
  if (!isGuarded(root)) return;
  const names = await readdir(root).catch(() => []);
  for (const name of names) {
    const path = join(root, name);
    if (isLeft(name) && isOurs(path)) await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

/** This host, where folders are on a disk that several share: the first PID namespace has the same number on all of them. */
const HOST = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);

/**
 * This process, so that no other is taken for it: a pid means nothing outside its host and PID namespace, and with its start
 * it is not a later one's.
 */
function owner(): string {
  return `${HOST}-${pidNamespace()}-${process.pid}-${readProcess(process.pid)?.startTicks ?? 0}`;
}

/** The number of our PID namespace; 0 where there is no /proc. */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
  } catch {
    return "0";
  }
}

function isLeft(name: string): boolean {
  const found = NAME.exec(name)?.groups;
  // Another host's or namespace's process is not seen from here, though it may live; without /proc none is.
  if (found === undefined || found.host !== HOST) return false;
  if (found.namespace === "0" || found.namespace !== pidNamespace()) return false;
  const entry = readProcess(Number(found.pid));
  return entry === undefined || entry.isZombie || entry.startTicks !== found.ticks;
}

/** Nobody else can put something in the place of one of our folders: others cannot write there, or only their own. */
function isGuarded(root: string): boolean {
  try {
    const { uid, mode } = lstatSync(`${root}/.`);
    return (uid === 0 || uid === process.getuid?.()) && ((mode & 0o022) === 0 || (mode & 0o1000) !== 0);
  } catch {
    return false;
  }
}

/** A real folder of this user that nobody else can write: no link that another has laid. */
function isOurs(path: string): boolean {
  try {
    const stats = lstatSync(path);
    return stats.isDirectory() && stats.uid === process.getuid?.() && (stats.mode & 0o077) === 0;
  } catch {
    return false;
  }
}
