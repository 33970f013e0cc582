import { expect, test } from "vitest";
import { self } from "./process-table.ts";
import { onNetwork } from "./words.ts";

test("without a node a command runs as it is", () => {
  expect(onNetwork("/rig", undefined, ["ls", "-l"])).toEqual(["ls", "-l"]);
});

test("with a node the command comes last, as it was given", () => {
  const sandbox = { keeper: self(), init: { pid: 77, started: "1" }, madeFolders: [] };
  const words = onNetwork("/rig", sandbox, ["echo", "a b", '"']);
  expect(words.slice(0, 4)).toEqual(["nsenter", "--target", "77", "--net"]);
  expect(words.slice(-4)).toEqual(["/rig/resolv.conf", "echo", "a b", '"']);
});
