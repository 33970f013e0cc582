import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "examples-"));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const source = (name: string): Promise<string> => readFile(join(import.meta.dirname, name), "utf8");

/** Replaces what must be there, and only once. */
function replace(text: string, from: string, to: string): string {
  expect(text.split(from)).toHaveLength(2);
  return text.replace(from, to);
}

async function run(
  script: string,
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const path = join(directory, "script.py");
  await writeFile(path, script);
  return promisify(execFile)("python3", ["-B", path]).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

it("re-encrypts so that the new owner can read it", async () => {
  const { code, stdout, stderr } = await run(await source("reencrypt.py"));
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(stdout).toContain("plaintext ok: the quick brown fox jumps over the lazy dog\n");
});

it("uses a safe prime of 2048 bits and a generator of its large subgroup", async () => {
  const script = await source("reencrypt.py");
  const check = "print(P.bit_length(), pow(3, P - 1, P) == 1, pow(3, Q - 1, Q) == 1, pow(G, Q, P) == 1)";
  expect(await run(replace(script, 'if __name__ == "__main__":\n    main()\n', check))).toMatchObject({
    stdout: "2048 True True True\n",
  });
});

it("says so and ends with 1 when the re-encryption is wrong", async () => {
  const broken = replace(await source("reencrypt.py"), "pow(share, key, P)", "pow(share, key + 1, P)");
  expect(await run(broken)).toMatchObject({ code: 1, stderr: expect.stringContaining("Bob cannot read") });
});

it("says so and ends with 1 when nothing had to be re-encrypted", async () => {
  const broken = replace(
    await source("reencrypt.py"),
    "alice, bob = secret_key(), secret_key()",
    "alice = bob = secret_key()",
  );
  expect(await run(broken)).toMatchObject({ code: 1, stderr: expect.stringContaining("Bob could read it") });
});

it("burns the CPU time that it says", async () => {
  const { code, stdout } = await run(replace(await source("burn.py"), "SECONDS = 1.0", "SECONDS = 0.3"));
  expect(code).toBe(0);
  const used = Number(/^used (\d+\.\d+) s/.exec(stdout)?.[1]);
  expect(used).toBeGreaterThanOrEqual(0.3);
});

it("gives up burning when it gets no CPU", async () => {
  const starved = replace(await source("burn.py"), "WALL_SECONDS = 120.0", "WALL_SECONDS = -1");
  expect(await run(starved)).toMatchObject({ code: 1, stderr: expect.stringContaining("gave up") });
});
