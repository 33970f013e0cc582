import { describe, expect, it } from "vitest";
import { openCgroup } from "./cgroup.ts";
import { visibleDiscovery } from "./discovery.ts";
import { FakeRoot } from "./fixture.ts";
import { cgroupMeter, machineMeter, treeMeter } from "./meter.ts";

const STATUS = { "proc/self/status": "Cpus_allowed_list:\t0-7\n", "proc/1/status": "Cpus_allowed_list:\t0-7\n" };

describe("cgroup v2", () => {
  const folders = { version: 2, folder: "/cg/pod1/c1", mount: "/cg" } as const;
  const stat = (used: number, throttled: number) => ({
    "cg/pod1/c1/cpu.stat": `usage_usec ${used}\nnr_throttled 1\nthrottled_usec ${throttled}\n`,
  });
  const pressure = (total: number) => ({ "cg/pod1/c1/cpu.pressure": `some avg10=0.00 total=${total}\nfull total=0\n` });

  it("reads time, throttling and pressure; counters that went back are nothing", () => {
    using root = new FakeRoot();
    root.write({ ...STATUS, ...stat(1000, 10), ...pressure(500) });
    const meter = cgroupMeter(root.files, folders, 99);
    expect(meter.look(0)).toEqual({ usedNs: 0, waitedNs: 0, pressureNs: 0, throttledNs: 0 });
    root.write({ ...stat(31_000, 2010), ...pressure(20_500) });
    expect(meter.look(100)).toEqual({ usedNs: 30e6, waitedNs: 0, pressureNs: 20e6, throttledNs: 2e6 });
    root.write({ ...stat(5, 5), ...pressure(5) });
    expect(meter.look(200)).toEqual({ usedNs: 0, waitedNs: 0, pressureNs: 0, throttledNs: 0 });
    root.remove("cg/pod1");
    expect(meter.alive()).toBe(false);
    expect(meter.look(300)).toBeUndefined();
  });

  it("takes the tightest limit of the cgroup and those above it", () => {
    using root = new FakeRoot();
    root.write({
      ...STATUS,
      ...stat(1, 1),
      ...pressure(1),
      "cg/pod1/cpu.max": "150000 100000\n",
      "cg/pod1/c1/cpu.max": "max 100000\n",
      "cg/pod1/memory.max": "1000\n",
      "cg/pod1/c1/memory.max": "max\n",
      "cg/pod1/c1/memory.current": "700\n",
      "cg/pod1/c1/memory.stat": "anon 1\ninactive_file 200\n",
    });
    const meter = cgroupMeter(root.files, folders, 99);
    expect(meter.capacity()).toBe(1.5);
    expect(meter.memory()).toBe(0.5);
    root.write({ "cg/pod1/c1/cpu.max": "50000 100000\n" });
    expect(meter.capacity()).toBe(0.5);
    root.write({ "cg/pod1/c1/cpu.max": "max 100000\n", "cg/pod1/cpu.max": "max 100000\n" });
    expect(meter.capacity()).toBe(8);
    root.write({ "cg/pod1/c1/cpuset.cpus.effective": "0-1,4\n" });
    expect(meter.capacity()).toBe(3);
  });

  it("asks its processes how long they waited where there is no pressure information", () => {
    using root = new FakeRoot();
    root.write({ ...STATUS, ...stat(1000, 0), "cg/pod1/c1/cgroup.procs": "30\n0\n" });
    root.process(30, { threads: { 30: [100, 10] } });
    const meter = cgroupMeter(root.files, folders, 99);
    meter.look(0);
    root.write(stat(6000, 0));
    root.process(30, { threads: { 30: [105, 50] } });
    expect(meter.look(100)).toEqual({ usedNs: 5e6, waitedNs: 40e6, pressureNs: 0, throttledNs: 0 });
  });
});

describe("cgroup v1", () => {
  const all = (path: string) =>
    new Map(["cpu", "cpuacct", "cpuset", "memory"].map((name) => [name, `/${name}${path}`]));
  const folders = { version: 1, folders: all("/pod1"), mounts: all("") } as const;

  it("reads time, throttling, limits, and the waiting of its processes", () => {
    using root = new FakeRoot();
    root.write({
      ...STATUS,
      "cpuacct/pod1/cpuacct.usage": "1000000\n",
      "cpu/pod1/cpu.stat": "nr_periods 1\nnr_throttled 1\nthrottled_time 5000000\n",
      "cpu/pod1/cpu.cfs_quota_us": "-1\n",
      "cpu/pod1/cpu.cfs_period_us": "100000\n",
      "cpuset/pod1/cpuset.cpus": "0-3\n",
      "memory/pod1/memory.limit_in_bytes": "9223372036854771712\n",
      "memory/memory.limit_in_bytes": "400\n",
      "memory/pod1/memory.usage_in_bytes": "300\n",
      "memory/pod1/memory.stat": "total_inactive_file 100\n",
      "cpuacct/pod1/below/cgroup.procs": "30\n",
    });
    root.process(30, { threads: { 30: [100, 10] } });
    const meter = cgroupMeter(root.files, folders, 99);
    expect(meter.capacity()).toBe(4);
    expect(meter.memory()).toBe(0.5);
    meter.look(0);
    root.write({
      "cpuacct/pod1/cpuacct.usage": "31000000\n",
      "cpu/pod1/cpu.stat": "throttled_time 45000000\n",
      "cpu/pod1/cpu.cfs_quota_us": "50000\n",
    });
    root.process(30, { threads: { 30: [130, 30] } });
    expect(meter.look(100)).toEqual({ usedNs: 30e6, waitedNs: 20e6, pressureNs: 0, throttledNs: 40e6 });
    expect(meter.capacity()).toBe(0.5);
  });
});

it("takes the machine's pressure for the root alone, not for what a container sees as its root", () => {
  using root = new FakeRoot();
  const own = { version: 2 as const, mount: "cg", folder: "cg" };
  root.write({ ...STATUS, "cg/cpu.stat": "usage_usec 1\n", "proc/pressure/cpu": "some avg10=0.00 total=7\n" });
  expect(openCgroup(root.files, own).counters()?.pressureNs).toBe(7000);
  root.write({ "cg/cgroup.type": "domain\n" });
  expect(openCgroup(root.files, own).counters()?.pressureNs).toBeUndefined();
});

it("a tree ends with its root, and another process with that PID is not it", () => {
  using root = new FakeRoot();
  root.process(10, { threads: { 10: [1, 0] } });
  root.write({ "proc/10/status": "Cpus_allowed_list:\t0\n" });
  const meter = treeMeter(root.files, visibleDiscovery(root.files), 10, 99);
  expect(meter.capacity()).toBe(1);
  expect(meter.look(0)).toBeDefined();
  root.process(10, { startTicks: 900, threads: { 10: [1, 0] } });
  expect(meter.alive()).toBe(false);
  expect(meter.look(100)).toBeUndefined();
});

it("measures the machine, and what the hypervisor took", () => {
  using root = new FakeRoot();
  root.write({ ...STATUS, "proc/stat": "cpu  10 0 0 900 0 0 0 0 0 0\n" });
  const meter = machineMeter(root.files);
  root.write({ "proc/stat": "cpu  15 1 2 905 9 0 0 3 0 0\n", "proc/pressure/cpu": "some avg10=0.00 total=0\n" });
  expect(meter.look(100)).toEqual({ usedNs: 80e6, waitedNs: 30e6, pressureNs: 0, throttledNs: 0 });
  root.write({ "proc/meminfo": "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 250 kB\n" });
  expect(meter.memory()).toBe(0.75);
  expect(meter.capacity()).toBe(8);
});
