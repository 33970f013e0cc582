import { execFileSync } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { buildGoProgram, type GoProgram, goMod } from "./go-build.ts";
import { testFolder, zipOf } from "./testing.ts";

const MAIN = `package main

import "example.test/word"

var who = "nobody"

func main() { println(word.Word + " " + who) }
`;

/** A Go module proxy in a folder, which holds a program and a library of which only a later version is right. */
async function proxy(): Promise<NodeJS.ProcessEnv> {
  const folder = await testFolder();
  const publish = async (module: string, version: string, files: Record<string, string>) => {
    const at = join(folder, module, "@v");
    await mkdir(at, { recursive: true });
    await writeFile(join(at, `${version}.info`), JSON.stringify({ Version: version }));
    await writeFile(join(at, `${version}.mod`), files["go.mod"] ?? "");
    const prefixed = Object.entries(files).map(([name, text]) => [`${module}@${version}/${name}`, text]);
    await writeFile(join(at, `${version}.zip`), zipOf(Object.fromEntries(prefixed)));
  };
  const required = "module example.test/tool\n\ngo 1.21\n\nrequire example.test/word v1.0.0\n";
  await publish("example.test/tool", "v1.2.3", { "go.mod": required, "cmd/tool/main.go": MAIN });
  const word = (text: string) => ({
    "go.mod": "module example.test/word\n\ngo 1.21\n",
    "word.go": `package word\n\nconst Word = "${text}"\n`,
  });
  await publish("example.test/word", "v1.0.0", word("goodbye"));
  await publish("example.test/word", "v1.0.1", word("hello"));
  const env = { ...process.env, GOPROXY: `file://${folder}`, GONOSUMDB: "example.test/*", GOMODCACHE: `${folder}/mod` };
  // Go writes its module cache read-only.
  onTestFinished(() => void execFileSync("go", ["clean", "-modcache"], { env: { ...env, GOFLAGS: "" } }));
  return env;
}

async function build(options: Partial<GoProgram>): Promise<{ path: string; lines: string[] }> {
  const destination = join(await testFolder(), "tool");
  const lines: string[] = [];
  await buildGoProgram({
    name: "tool",
    module: "example.test/tool",
    version: "v1.2.3",
    package: "example.test/tool/cmd/tool",
    destination,
    onProgress: (line) => lines.push(line),
    env: await proxy(),
    ...options,
  });
  return { path: destination, lines };
}

const said = (path: string) => execFileSync("sh", ["-c", '"$0" 2>&1', path], { encoding: "utf8" }).trim();

test("builds a program with its linker flags and replaced modules", async () => {
  const { path, lines } = await build({
    ldflags: "-X main.who=world",
    replaces: async (folder) => {
      expect(await readFile(join(folder, "go.mod"), "utf8")).toContain("example.test/word v1.0.0");
      return ["example.test/word => example.test/word v1.0.1"];
    },
  });
  expect(said(path)).toBe("hello world");
  expect(lines[0]).toBe("tool: fetching the Go module example.test/tool v1.2.3");
}, 240_000);

test("refuses a module with another hash", async () => {
  await expect(build({ sum: "h1:another=" })).rejects.toMatchObject({
    code: "EK_CHECKSUM_MISMATCH",
    where: "example.test/tool@v1.2.3",
  });
}, 120_000);

test("says what Go said", async () => {
  await expect(build({ version: "v9.9.9" })).rejects.toMatchObject({
    code: "EK_BUILD_FAILED",
    message: expect.stringContaining("v9.9.9"),
  });
}, 120_000);

test("says which Go is missing, and what else the build needs", async () => {
  await expect(build({ go: "99.1" })).rejects.toMatchObject({
    code: "EK_PROGRAM_MISSING",
    message: expect.stringMatching(/^Go is 1\.\d+.*; tool builds with Go 99\.1 or newer$/),
  });
  await expect(build({ needs: ["no-such-compiler"] })).rejects.toThrow("the build of tool needs no-such-compiler");
  const none = { ...process.env, PATH: await testFolder() };
  await expect(build({ env: none })).rejects.toMatchObject({
    message: "Go is not installed; tool builds with Go 1.26 or newer",
    next: "install Go 1.26 or newer and put it on PATH",
  });
}, 120_000);

test("writes a go.mod that requires the one module", () => {
  expect(goMod({ module: "a.b/c", version: "v1.0.0" }, ["x => y v1.0.0"])).toBe(
    "module evenkeel.invalid/build\ngo 1.26\nrequire a.b/c v1.0.0\nreplace x => y v1.0.0\n",
  );
});
