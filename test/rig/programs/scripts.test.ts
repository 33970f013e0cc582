import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { wrapper } from "./iptables.ts";
import { pkgConfigScript } from "./seccomp.ts";

test("the stand-in for pkg-config answers what cgo asks", () => {
  const folder = mkdtempSync(join(tmpdir(), "evenkeel-scripts-test-"));
  try {
    const script = join(folder, "pkg-config");
    writeFileSync(script, pkgConfigScript("/x/include", "/x/lib"), { mode: 0o755 });
    const ask = (...words: string[]) => execFileSync("/bin/sh", [script, ...words], { encoding: "utf8" });
    expect(ask("--cflags", "--", "libseccomp")).toBe("-I/x/include\n");
    expect(ask("--libs", "--", "libseccomp")).toBe("-L/x/lib -lseccomp\n");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("an unpacked program runs with the libraries it came with", () => {
  expect(wrapper("/x/lib", "/x/multi", "iptables")).toBe(
    "env LD_LIBRARY_PATH=/x/lib XTABLES_LIBDIR=/x/lib/xtables /x/multi iptables",
  );
  expect(execFileSync("/bin/sh", ["-c", wrapper("/x/lib", "printenv", "XTABLES_LIBDIR")], { encoding: "utf8" })).toBe(
    "/x/lib/xtables\n",
  );
});
