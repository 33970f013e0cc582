import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readdir, readlink, rm, symlink, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { readProcess } from "./process-entry.ts";
import { removeLeftFolders } from "./temporary-folder.ts";

// A program that loads and makes a folder, on a machine that may be very busy.
vi.setConfig({ testTimeout: 60_000 });

const namespace = /\d+/.exec(await readlink("/proc/self/ns/pid"))?.[0];
const host = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
/** No process has this pid. */
const GONE = `${host}-${namespace}-4194304999-1`;

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "left-folders-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function folder(name: string): Promise<string> {
  const path = join(root, name);
  await mkdir(path, { mode: 0o700 });
  await writeFile(join(path, "bootstrap.json"), "{}");
  return path;
}

/** A program that makes a folder below `root`, says its path, and stays. */
async function startOwner() {
  const program = `
    import { temporaryFolder } from ${JSON.stringify(new URL("./temporary-folder.ts", import.meta.url).href)};
    console.log(await temporaryFolder("envoy"));
    setInterval(() => {}, 1000);
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    env: { ...process.env, TMPDIR: root },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return { child, path: line.toString().trim() };
}

it("a killed owner's folder is removed by the next, a living one's is not", async () => {
  const killed = await startOwner();
  const living = await startOwner();
  try {
    await writeFile(join(killed.path, "file"), "x");
    await removeLeftFolders(root);
    expect([existsSync(killed.path), existsSync(living.path)]).toEqual([true, true]);
    killed.child.kill("SIGKILL");
    await once(killed.child, "exit");
    const next = await startOwner();
    next.child.kill("SIGKILL");
    expect((await readdir(root)).sort()).toEqual([living.path, next.path].map((path) => basename(path)).sort());
  } finally {
    living.child.kill("SIGKILL");
  }
});

it("a folder stays gone from another process that got its pid", async () => {
  const ticks = readProcess(process.pid)?.startTicks;
  const ours = await folder(`evenkeel-envoy-${host}-${namespace}-${process.pid}-${ticks}-aBcD12`);
  const earlier = await folder(`evenkeel-envoy-${host}-${namespace}-${process.pid}-1-aBcD12`);
  await removeLeftFolders(root);
  expect([existsSync(ours), existsSync(earlier)]).toEqual([true, false]);
});

it.each([
  ["another name", `evenkeel-envoy-x${GONE}-aBcD12`],
  ["more than the name", `evenkeel-envoy-${GONE}-aBcD12.d`],
  ["one without an owner", "evenkeel-envoy-aBcD12"],
  ["one of another PID namespace", `evenkeel-envoy-${host}-1-4194304999-1-aBcD12`],
  ["one of another host", `evenkeel-envoy-01234567-${namespace}-4194304999-1-aBcD12`],
])("leaves alone %s", async (_, name) => {
  const path = await folder(name);
  await removeLeftFolders(root);
  expect(existsSync(join(path, "bootstrap.json"))).toBe(true);
});

it("follows no symbolic link, as the folder or in it, and removes no file", async () => {
  const precious = await folder("precious");
  await symlink(precious, join(root, `evenkeel-envoy-${GONE}-aaaaaa`));
  await writeFile(join(root, `evenkeel-envoy-${GONE}-bbbbbb`), "");
  const left = await folder(`evenkeel-envoy-${GONE}-cccccc`);
  await symlink(precious, join(left, "link"));
  await removeLeftFolders(root);
  expect(existsSync(join(precious, "bootstrap.json"))).toBe(true);
  expect((await readdir(root)).sort()).toEqual(
    [`evenkeel-envoy-${GONE}-aaaaaa`, `evenkeel-envoy-${GONE}-bbbbbb`, "precious"].sort(),
  );
});

it("leaves alone a folder that others can write", async () => {
  const path = await folder(`evenkeel-envoy-${GONE}-aaaaaa`);
  await chmod(path, 0o777);
  await removeLeftFolders(root);
  expect(existsSync(path)).toBe(true);
});

it("removes nothing where anybody could put another folder in its place", async () => {
  const path = await folder(`evenkeel-envoy-${GONE}-aaaaaa`);
  await chmod(root, 0o777);
  await removeLeftFolders(root);
  expect(existsSync(path)).toBe(true);
  await chmod(root, 0o1777);
  await removeLeftFolders(root);
  expect(existsSync(path)).toBe(false);
});

it("leaves alone another user's folder", async ({ skip }) => {
  skip(process.getuid?.() !== 0, "only root can give a folder away");
  const path = await folder(`evenkeel-envoy-${GONE}-aaaaaa`);
  await chown(path, 65_534, 65_534);
  await removeLeftFolders(root);
  expect(existsSync(path)).toBe(true);
});
