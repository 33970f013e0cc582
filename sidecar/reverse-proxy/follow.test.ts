import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Logger } from "../../common/log.ts";
import type { ProxyConfig } from "./config.ts";
import { type Follower, followConfig } from "./follow.ts";

const PATIENCE = { timeout: 20_000, interval: 20 };

let folder: string;
let path: string;
let follower: Follower | undefined;
let lines: string[];
const note = (_: unknown, line: string) => void lines.push(line);
const log = { info: note, error: note, debug: note } as unknown as Logger;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "evenkeel-follow-"));
  path = join(folder, "config.yaml");
  lines = [];
});
afterEach(async () => {
  follower?.close();
  follower = undefined;
  await rm(folder, { recursive: true, force: true });
});

const textOf = (port: number) =>
  `proxy:\n  listen: { address: 127.0.0.1, port: ${port} }\n  services: [{ name: a, domain: a, hosts: [{ address: b }] }]\n`;
async function write(text: string) {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

it("applies one edit after the other, and the newest in the end", async () => {
  await write(textOf(1));
  let busy = 0;
  let most = 0;
  follower = followConfig(path, {
    log,
    pollMs: 20,
    apply: async () => {
      busy += 1;
      most = Math.max(most, busy);
      await new Promise((resolve) => setTimeout(resolve, 100));
      busy -= 1;
    },
  });
  for (const port of [2, 3, 4]) {
    await write(textOf(port));
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  await vi.waitFor(() => expect(follower?.current().listen.port).toBe(4), PATIENCE);
  expect(most).toBe(1);
});

it("keeps what runs when an edit is bad or refused, and tells each fault once", async () => {
  await write(textOf(1));
  const applied: number[] = [];
  follower = followConfig(path, {
    log,
    pollMs: 20,
    apply: async ({ listen }: ProxyConfig) => {
      if (listen.port === 3) throw new Error("refused");
      applied.push(listen.port);
    },
  });
  await write(textOf(0));
  await vi.waitFor(() => expect(lines.at(-1)).toContain(`${path}:2:39: proxy.listen.port 0 is not a port`), PATIENCE);
  await write(textOf(3));
  await vi.waitFor(() => expect(lines.at(-1)).toBe("refused"), PATIENCE);
  expect(follower.current().listen.port).toBe(1);
  await write(textOf(1));
  await vi.waitFor(() => expect(lines.at(-1)).toContain("as it was before the bad edit"), PATIENCE);
  await write(textOf(4));
  await vi.waitFor(() => expect(follower?.current().listen.port).toBe(4), PATIENCE);
  expect(applied).toEqual([4]);
});

it("does not begin with a file that is bad or not there", async () => {
  const begin = () => followConfig(path, { log, apply: async () => undefined });
  expect(begin).toThrow(expect.objectContaining({ code: "EK_FILE_UNREADABLE" }));
  await write("proxy: [");
  expect(begin).toThrow(expect.objectContaining({ code: "EK_PROXY_CONFIG_INVALID" }));
});
