import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { buildCommands, globalArgument } from "./commands.ts";

const dockerfile = readFileSync(join(import.meta.dirname, "../../../manifests/images/Dockerfile"), "utf8");

it("finds a line for every target that users build, and takes it apart", () => {
  const commands = buildCommands(dockerfile);
  expect(commands.map(({ target }) => target).toSorted()).toEqual(["app", "evenkeel", "proxy", "worker"]);
  for (const { words, tag } of commands) {
    expect(words.slice(0, 2)).toEqual(["docker", "build"]);
    expect(tag).toMatch(/^evenkeel\/[a-z]+:\d/);
    expect(words.at(-1)).toBe(".");
  }
});

it("refuses a line without a tag", () => {
  expect(() => buildCommands("#   docker build .")).toThrow("no -t");
});

it("reads the defaults of what FROM is given", () => {
  expect(globalArgument(dockerfile, "NODE_IMAGE")).toMatch(/^node:24\./);
  expect(() => globalArgument(dockerfile, "APP")).toThrow("no ARG APP");
});
