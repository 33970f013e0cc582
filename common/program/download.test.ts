import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type DownloadLimits, download } from "./download.ts";
import { sha256, testFolder, testServer } from "./testing.ts";

const BODY = Buffer.from("a program ".repeat(20_000));
const PATIENT: DownloadLimits = { answerMs: 20_000, idleMs: 20_000, totalMs: 60_000 };

const ROUTES: Record<string, RequestListener> = {
  "/file": (_request, response) => void response.end(BODY),
  "/moved": (_request, response) => void response.writeHead(302, { location: "/file" }).end(),
  "/loop": (_request, response) => void response.writeHead(302, { location: "/loop" }).end(),
  "/away": (_request, response) => void response.writeHead(302, { location: "http://192.0.2.1/file" }).end(),
  "/cut": (_request, response) => {
    response.writeHead(200, { "content-length": BODY.length });
    response.write(BODY.subarray(0, 1000), () => response.destroy());
  },
  "/stalled": (_request, response) => void response.writeHead(200).write(BODY.subarray(0, 1000)),
  "/silent": () => undefined,
  "/endless": (_request, response) => {
    response.writeHead(200);
    const more = (): void => void response.write(BODY, (error) => (error ? undefined : more()));
    more();
  },
};

async function fetchFrom(path: string, options: Partial<Parameters<typeof download>[0]> = {}): Promise<string> {
  const url = await testServer((request, response) => {
    const route = ROUTES[request.url ?? ""];
    if (route === undefined) response.writeHead(404).end();
    else route(request, response);
  });
  const destination = join(await testFolder(), "file");
  const asked = { url: `${url}${path}`, sha256: sha256(BODY), maxBytes: 2 ** 20, limits: PATIENT, ...options };
  try {
    await download({ ...asked, destination });
  } catch (error) {
    expect(existsSync(destination)).toBe(false);
    throw error;
  }
  return destination;
}

test("downloads a file, also from where it has moved to", async () => {
  expect((await readFile(await fetchFrom("/file"))).equals(BODY)).toBe(true);
  expect((await readFile(await fetchFrom("/moved"))).equals(BODY)).toBe(true);
});

test("removes a file with another checksum", async () => {
  await expect(fetchFrom("/file", { sha256: sha256("another") })).rejects.toMatchObject({
    code: "EK_CHECKSUM_MISMATCH",
    message: expect.stringContaining(sha256(BODY)),
  });
});

test.each<[string, string, Partial<DownloadLimits>]>([
  ["/nothing", "answered 404", {}],
  ["/loop", "more than 5 redirects", {}],
  ["/away", "is not https", {}],
  ["/cut", "aborted", {}],
  ["/stalled", "no data for 0.2 s after 1000 bytes", { idleMs: 200 }],
  ["/silent", "did not answer within 0.2 s", { answerMs: 200 }],
  ["/silent", "not done after 0.2 s", { totalMs: 200 }],
  ["/endless", "is longer than 1048576 bytes", {}],
])("gives up on %s: %s", async (path, message, limits) => {
  await expect(fetchFrom(path, { limits: { ...PATIENT, ...limits } })).rejects.toMatchObject({
    code: "EK_DOWNLOAD_FAILED",
    message: expect.stringContaining(message),
  });
});

test("does not read a file that says it is too long", async () => {
  await expect(fetchFrom("/file", { maxBytes: 100 })).rejects.toThrow("is longer than 100 bytes");
});

test("says when nobody listens", async () => {
  const destination = join(await testFolder(), "file");
  const asked = { url: "http://127.0.0.1:1/file", sha256: "", maxBytes: 1, destination };
  await expect(download(asked)).rejects.toMatchObject({ code: "EK_DOWNLOAD_FAILED" });
});

test("a signal ends it, and leaves no file", async () => {
  const stopped = new AbortController();
  const destination = join(await testFolder(), "file");
  const url = await testServer((_request, response) => {
    response.writeHead(200).write(BODY.subarray(0, 1000));
    setTimeout(() => stopped.abort(new Error("no more")), 50);
  });
  const asked = { url: `${url}/stalled`, sha256: sha256(BODY), maxBytes: 2 ** 20, limits: PATIENT, destination };
  await expect(download({ ...asked, signal: stopped.signal })).rejects.toThrow("no more");
  expect(existsSync(destination)).toBe(false);
}, 60_000);
