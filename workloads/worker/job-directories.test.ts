import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, readdir, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openJobDirectories } from "./job-directories.ts";

let workDir: string;
beforeEach(async () => {
  workDir = await mkdtemp(join(tmpdir(), "job-directories-"));
});
afterEach(() => rm(workDir, { recursive: true, force: true }));

it("gives each job an empty directory that is only ours", async () => {
  const jobs = await openJobDirectories(join(workDir, "deep", "er"));
  const [one, two] = [await jobs.create(), await jobs.create()];
  expect(one).not.toBe(two);
  expect((await stat(one)).mode & 0o777).toBe(0o700);
  expect(await readdir(one)).toEqual([]);
  await jobs.close();
  expect(existsSync(one)).toBe(false);
});

it("removes what ended workers left, and nothing else", async () => {
  // No process has this pid; this process started at another time than tick 1.
  for (const name of ["worker-4194304999-1", `worker-${process.pid}-1`, "somebody-else"]) {
    await mkdir(join(workDir, name, "job-1"), { recursive: true });
    await writeFile(join(workDir, name, "job-1", "script.py"), "");
  }
  const jobs = await openJobDirectories(workDir);
  expect((await readdir(workDir)).sort()).toEqual(["somebody-else", jobs.path.slice(workDir.length + 1)].sort());
  const job = await jobs.create();
  await openJobDirectories(workDir);
  expect(existsSync(job)).toBe(true);
});

it("removes directories without permissions", async () => {
  const jobs = await openJobDirectories(workDir);
  const job = await jobs.create();
  await mkdir(join(job, "locked", "inner"), { recursive: true });
  await writeFile(join(job, "locked", "inner", "file"), "x");
  await chmod(join(job, "locked", "inner"), 0);
  await chmod(join(job, "locked"), 0);
  await jobs.remove(job);
  expect(existsSync(job)).toBe(false);
});

it("removes a tree that is deeper than a path can be long, a locked one too", async () => {
  const jobs = await openJobDirectories(workDir);
  const job = await jobs.create();
  const dig = "import os\nfor level in range(60): os.mkdir('d' * 200); os.chdir('d' * 200)\nos.chmod('..', 0)";
  execFileSync("python3", ["-c", dig], { cwd: job });
  await jobs.remove(job);
  expect(await readdir(jobs.path)).toEqual([]);
});

it("removes directories of many files and directories", async () => {
  const jobs = await openJobDirectories(workDir);
  const job = await jobs.create();
  const fill = "import os\nfor n in range(3000): open(str(n), 'w').close(); os.makedirs(f'd{n % 300}/{n}')";
  execFileSync("python3", ["-c", fill], { cwd: job });
  await jobs.remove(job);
  expect(await readdir(jobs.path)).toEqual([]);
});

it.each(["another user's directory", "a link"])("refuses %s where anybody may write", async (what) => {
  // Only root can make what is somebody else's.
  if (what !== "a link" && process.getuid?.() !== 0) return;
  await chmod(workDir, 0o1777);
  const path = join(workDir, "worker");
  if (what === "a link") await symlink(tmpdir(), path);
  else {
    await mkdir(path);
    await chown(path, 12_345, 12_345);
  }
  await expect(openJobDirectories(path)).rejects.toMatchObject({ code: "EK_SETTING_INVALID" });
});

it("makes directories for jobs after a script has removed or locked its worker's", async () => {
  const jobs = await openJobDirectories(workDir);
  await rm(jobs.path, { recursive: true });
  expect((await stat(await jobs.create())).mode & 0o777).toBe(0o700);
  await chmod(jobs.path, 0);
  expect((await stat(await jobs.create())).mode & 0o777).toBe(0o700);
});

it("says which setting is wrong when the directory cannot be made", async () => {
  await writeFile(join(workDir, "file"), "");
  await expect(openJobDirectories(join(workDir, "file"))).rejects.toMatchObject({
    code: "EK_SETTING_INVALID",
    where: `--work-dir ${join(workDir, "file")}`,
  });
});
