import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { freePorts } from "../../common/ports.ts";
import { readableFile, requireReachable, targetUrl } from "./target.ts";

test.each([
  ["localhost:8080", "http://localhost:8080/reencrypt"],
  ["http://host", "http://host/reencrypt"],
  ["http://host/", "http://host/reencrypt"],
  ["https://host/reencrypt", "https://host/reencrypt"],
  ["https://host/reencrypt/", "https://host/reencrypt/"],
  ["http://host/some/where", "http://host/some/where/reencrypt"],
  ["http://[::1]:8080", "http://[::1]:8080/reencrypt"],
])("%s is %s", (text, url) => {
  expect(targetUrl(text, "/reencrypt").href).toBe(url);
});

test.each(["ftp://host/", "file:///etc/passwd", "http://", "http://a b"])("refuses %s", (text) => {
  expect(() => targetUrl(text, "/reencrypt")).toThrow(/URL/);
});

test("a file that cannot be read is named", async () => {
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "script.py"), "print(1)\n");
  expect(await readableFile(join(folder, "script.py"))).toBe(join(folder, "script.py"));
  await expect(readableFile(join(folder, "none.py"))).rejects.toMatchObject({
    code: "EK_FILE_UNREADABLE",
    where: join(folder, "none.py"),
  });
  await expect(readableFile(folder)).rejects.toThrow("it is not a file");
});

test("says when nothing listens", async () => {
  const [port] = await freePorts(1);
  await expect(requireReachable(new URL(`http://127.0.0.1:${port}/reencrypt`))).rejects.toMatchObject({
    code: "EK_TARGET_UNREACHABLE",
    message: `nothing listens on 127.0.0.1:${port} (connection refused)`,
  });
});

test("is content when something does", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  await requireReachable(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
});
