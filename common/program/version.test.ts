import { expect, test } from "vitest";
import { atLeast, parseVersion, sameMinor } from "./version.ts";

test.each([
  ["envoy  version: 6d9bb7d9a85d616b220d1f8fe67b61f82bbdb8d3/1.40.0/Clean/RELEASE/BoringSSL", "1.40.0"],
  ["k6 v1.8.1 (go1.26.8, linux/amd64)", "1.8.1"],
  ["etcd Version: 3.7.3\nGit SHA: abc", "3.7.3"],
  ["Kubernetes v1.36.3", "1.36.3"],
  ["no version here", undefined],
])("reads the version out of %j", (text, version) => {
  expect(parseVersion(text)).toBe(version);
});

test("compares minors", () => {
  expect(sameMinor("1.40.3", "1.40.0")).toBe(true);
  expect(sameMinor("1.4.0", "1.40.0")).toBe(false);
  expect(sameMinor("2.40.0", "1.40.0")).toBe(false);
});

test("compares as numbers, not as text", () => {
  expect(atLeast("1.26.8", "1.26")).toBe(true);
  expect(atLeast("1.9", "1.26")).toBe(false);
  expect(atLeast("1.26", "1.26.1")).toBe(false);
  expect(atLeast("2.0", "1.26")).toBe(true);
});
