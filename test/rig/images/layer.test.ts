import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extract, list } from "tar";
import { afterEach, beforeEach, expect, test } from "vitest";
import { completed, file, type LayerEntry, tree, writeLayer } from "./layer.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "evenkeel-layer-test-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const LONG = `/app/${"a-folder-with-a-long-name/".repeat(12)}file.txt`;

test("what is packed comes out again: files, texts, links, folders, long names", async () => {
  const source = join(folder, "source");
  writeFileSync(source, "x".repeat(1000), { mode: 0o755 });
  const entries: LayerEntry[] = [
    file(source, "/bin/program"),
    file(source, LONG),
    { kind: "text", path: "/etc/name", text: "hällo\n", mode: 0o600 },
    { kind: "link", path: "/bin/other", target: "program" },
    { kind: "folder", path: "/tmp", mode: 0o1777 },
  ];
  const archive = join(folder, "layer.tar");
  const written = await writeLayer(entries, archive);
  expect(written.size).toBe(statSync(archive).size);
  const out = join(folder, "out");
  mkdirSync(out);
  await extract({ file: archive, cwd: out, strict: true, preservePaths: false });
  expect(readFileSync(join(out, "bin/other"), "utf8")).toHaveLength(1000);
  expect(statSync(join(out, "bin/program")).mode & 0o777).toBe(0o755);
  expect(readFileSync(join(out, "etc/name"), "utf8")).toBe("hällo\n");
  expect(readFileSync(join(out, LONG), "utf8")).toHaveLength(1000);
  expect(statSync(join(out, "tmp")).isDirectory()).toBe(true);
});

test("the same files give the same layer, whatever their order and their times", async () => {
  const [one, two] = ["/b", "/a/c"].map((path) => ({ kind: "text", path, text: path, mode: 0o644 }) as const);
  if (one === undefined || two === undefined) throw new Error("two entries are needed");
  const first = await writeLayer([one, two], join(folder, "1.tar"));
  const second = await writeLayer([two, one], join(folder, "2.tar"));
  expect(second).toEqual(first);
});

test("folders stand before what they hold, and once", async () => {
  const entries = completed([{ kind: "text", path: "/a/b/c", text: "", mode: 0o644 }]);
  expect(entries.map((entry) => entry.path)).toEqual(["/a", "/a/b", "/a/b/c"]);
  const archive = join(folder, "layer.tar");
  await writeLayer(entries, archive);
  const names: string[] = [];
  await list({ file: archive, onReadEntry: (entry) => names.push(entry.path) });
  expect(names).toEqual(["a/", "a/b/", "a/b/c"]);
});

test("a tree follows links and leaves out what is not wanted", () => {
  mkdirSync(join(folder, "in/deep"), { recursive: true });
  writeFileSync(join(folder, "in/deep/kept.ts"), "");
  writeFileSync(join(folder, "in/deep/left.test.ts"), "");
  symlinkSync("deep/kept.ts", join(folder, "in/link.ts"));
  symlinkSync("nowhere", join(folder, "in/broken"));
  const paths = tree(join(folder, "in"), "/app", (path) => !path.endsWith(".test.ts")).map((entry) => entry.path);
  expect(paths.sort()).toEqual(["/app/deep/kept.ts", "/app/link.ts"]);
});
