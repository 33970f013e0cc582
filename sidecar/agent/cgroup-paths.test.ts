import { expect, it } from "vitest";
import { cgroupNamed, cgroupOf, locateCgroup, parseCgroupMounts, parseCgroupPaths } from "./cgroup-paths.ts";
import { FakeRoot } from "./fixture.ts";

const V2 = "30 20 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
const V1 = [
  "32 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct",
  "35 31 0:33 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory",
  "41 31 0:39 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw",
].join("\n");

const locate = (cgroup: string, mountinfo: string) =>
  locateCgroup(parseCgroupPaths(cgroup), parseCgroupMounts(mountinfo));

it("finds a cgroup v2", () => {
  expect(locate("0::/kubepods/pod1/c1\n", V2)).toMatchObject({ version: 2, folder: "/sys/fs/cgroup/kubepods/pod1/c1" });
  expect(locate("0::/\n", V2)).toMatchObject({ version: 2, folder: "/sys/fs/cgroup" });
});

it("does not guess at a cgroup outside the namespace", () => {
  expect(locate("0::/../c2\n", V2)).toBeUndefined();
});

it("takes version 1 in a mixed system, for there the limits are", () => {
  const found = locate("2:cpu,cpuacct:/kubepods/pod1\n4:memory:/mem1\n0::/system.slice\n", V1);
  expect(found).toMatchObject({ version: 1 });
  expect(found?.version === 1 && Object.fromEntries(found.folders)).toEqual({
    cpu: "/sys/fs/cgroup/cpu,cpuacct/kubepods/pod1",
    cpuacct: "/sys/fs/cgroup/cpu,cpuacct/kubepods/pod1",
    memory: "/sys/fs/cgroup/memory/mem1",
  });
});

it("understands a container whose mount shows only its own part", () => {
  const own = "32 31 0:30 /kubepods/pod1/c1 /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n";
  const found = locate("2:cpu,cpuacct:/kubepods/pod1/c1\n", own);
  expect(found?.version === 1 && found.folders.get("cpu")).toBe("/sys/fs/cgroup/cpu,cpuacct");
  expect(locate("2:cpu,cpuacct:/kubepods/pod1/c10\n", own)).toBeUndefined();
});

it("reads a process's own files, and finds a cgroup by folder or by path", () => {
  using root = new FakeRoot();
  root.write({
    "proc/self/mountinfo": V2,
    "proc/self/cgroup": "0::/a\n",
    "sys/fs/cgroup/a/cpu.stat": "usage_usec 1\n",
    "host/pod1/cpu.stat": "usage_usec 1\n",
    "hostv1/pod1/cpuacct.usage": "1\n",
  });
  expect(cgroupOf(root.files)).toMatchObject({ folder: "/sys/fs/cgroup/a" });
  expect(cgroupOf(root.files, 7)).toBeUndefined();
  expect(cgroupNamed(root.files, "/sys/fs/cgroup/a/")).toMatchObject({ folder: "/sys/fs/cgroup/a" });
  expect(cgroupNamed(root.files, "/a")).toMatchObject({ folder: "/sys/fs/cgroup/a" });
  expect(cgroupNamed(root.files, "/host/pod1")).toMatchObject({ version: 2, folder: "/host/pod1" });
  expect(cgroupNamed(root.files, "/hostv1/pod1")).toMatchObject({ version: 1 });
  expect(cgroupNamed(root.files, "/b")).toBeUndefined();
});
