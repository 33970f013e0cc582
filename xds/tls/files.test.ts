import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { identityOfFiles } from "./files.ts";
import { type Mesh, makeMesh } from "./test-support.ts";

const log = pino({ level: "silent" });
const afterReading = vi.hoisted(() => new Map<string, () => void>());

/** Does once what a test wants done right after a file was read. */
vi.mock("../../common/text-file.ts", async (original) => {
  const { readTextFile } = await original<typeof import("../../common/text-file.ts")>();
  return {
    readTextFile: (...asked: Parameters<typeof readTextFile>) => {
      const text = readTextFile(...asked);
      const act = afterReading.get(asked[0]);
      afterReading.delete(asked[0]);
      act?.();
      return text;
    },
  };
});

let mesh: Mesh;
beforeAll(async () => {
  mesh = await makeMesh();
}, 60_000);
afterAll(() => mesh?.remove());

test("a rotation right after the first reading is not lost", async () => {
  const own = { ...(await mesh.leaf("server", "DNS:localhost")), roots: join(mesh.folder, "ca.crt") };
  const next = await mesh.leaf("next", "DNS:localhost");
  const renewed = readFileSync(next.certificate);
  afterReading.set(own.roots, () => {
    writeFileSync(own.certificate, renewed);
    writeFileSync(own.key, readFileSync(next.key));
  });
  const files = identityOfFiles(own, { log, pollMs: 20 });
  let shown: Buffer | undefined;
  files.current.addIdentityCertificateListener((update) => {
    shown = update?.certificate;
  });
  await vi.waitFor(() => expect(shown).toEqual(renewed), { timeout: 10_000, interval: 20 });
  files.close();
});

test("files that cannot be used are watched no longer", async () => {
  const { certificate } = await mesh.leaf("lone", "DNS:localhost");
  const missing = { certificate, key: join(mesh.folder, "none.key"), roots: join(mesh.folder, "ca.crt") };
  const timers = vi.spyOn(globalThis, "clearInterval");
  expect(() => identityOfFiles(missing, { log })).toThrow("its key cannot be read");
  expect(timers).toHaveBeenCalledTimes(3);
  timers.mockRestore();
});
