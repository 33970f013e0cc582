import { expect, it } from "vitest";
import { FakeRoot } from "./fixture.ts";
import { chooseScope, lookAround } from "./scope.ts";

const choose = (root: FakeRoot, self: number, given: { cgroup?: boolean; pid?: boolean } = {}) =>
  chooseScope("auto", lookAround(root.files, self, { cgroup: false, pid: false, ...given })).scope;

it("measures all of a pod whose containers share their process namespace", () => {
  using root = new FakeRoot();
  root.process(1, { name: "pause" });
  root.process(7, { name: "python3" });
  root.process(20, { name: "node" });
  root.write({ "proc/1/cgroup": "0::/../pause\n", "proc/self/cgroup": "0::/\n" });
  expect(choose(root, 20)).toBe("visible");
});

it("measures the container where the agent shares it with the worker, even as the worker's child", () => {
  using root = new FakeRoot();
  root.process(1, { name: "python3" });
  root.process(20, { name: "node", parent: 1 });
  root.write({ "proc/1/cgroup": "0::/\n", "proc/self/cgroup": "0::/\n" });
  expect(choose(root, 20)).toBe("cgroup");
});

it("measures nothing rather than itself in a container of its own", () => {
  using root = new FakeRoot();
  root.process(1, { name: "node" });
  root.write({ "proc/1/cgroup": "0::/\n", "proc/self/cgroup": "0::/\n" });
  expect(choose(root, 1)).toBeUndefined();
  root.process(1, { name: "tini" });
  root.write({ "proc/1/cgroup": "0::/\n" });
  root.process(7, { name: "node", parent: 1 });
  expect(choose(root, 7)).toBeUndefined();
});

it("measures the machine on a host, and what is named anywhere", () => {
  using root = new FakeRoot();
  root.process(1, { name: "systemd" });
  root.process(2, { name: "kthreadd" });
  root.process(20, { name: "node", parent: 1 });
  expect(choose(root, 20)).toBe("machine");
  expect(choose(root, 20, { pid: true })).toBe("tree");
  expect(choose(root, 20, { cgroup: true })).toBe("cgroup");
});
