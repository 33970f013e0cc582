import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { describeError } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import type { ProxyConfig } from "./config.ts";
import { type Follower, followConfig } from "./follow.ts";
import { type FurtherFault, parseProxyConfig } from "./parse.ts";

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

/** A file of so many services, one a line from the fourth. */
const longText = (services: number, port = 1) =>
  `proxy:\n  listen: { address: 127.0.0.1, port: ${port} }\n  services:\n${Array.from(
    { length: services },
    (_, n) => `    - { name: s${n}, domain: s${n}.example.com, hosts: [{ address: 10.0.${n >> 8}.${n & 255} }] }\n`,
  ).join("")}`;

/** The CPU time that this thread has used, in ms. */
const threadCpuMs = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

/** What the parser itself says of a text. */
const said = (text: string, further: readonly FurtherFault[] = []) => {
  try {
    parseProxyConfig(text, path, () => further);
  } catch (error) {
    return describeError(error);
  }
  throw new Error("no fault was found");
};

describe("a long file", () => {
  const clash = [{ path: ["proxy", "services", 300, "name"], what: "clashes" }];
  const ready = () => follower?.current().services.length;

  it("is read apart when it changes: this thread goes on meanwhile", async () => {
    await write(textOf(1));
    follower = followConfig(path, { log, pollMs: 20, apply: async () => undefined });
    const next = longText(3000);
    const before = threadCpuMs();
    parseProxyConfig(next, path);
    const hereMs = threadCpuMs() - before;
    let longestMs = 0;
    let last = threadCpuMs();
    const turns = setInterval(() => {
      const now = threadCpuMs();
      longestMs = Math.max(longestMs, now - last);
      last = now;
    }, 1);
    await write(next);
    await vi.waitFor(() => expect(ready()).toBe(3000), PATIENCE);
    clearInterval(turns);
    // CPU time and not the clock's, which on a busy machine says more of the others.
    expect(longestMs).toBeLessThan(hereMs / 2);
    expect(follower.current()).toEqual(parseProxyConfig(next, path));
  });

  it("has its faults told as those of a short one, in form and in what is checked besides", async () => {
    await write(longText(400));
    const check = ({ listen }: ProxyConfig) => (listen.port === 7 ? clash : []);
    follower = followConfig(path, { log, pollMs: 20, check, apply: async () => undefined });
    const bad = longText(400).replace("10.0.1.7", "10.0.1.7/x");
    expect(said(bad)).toContain(`EK_PROXY_CONFIG_INVALID ${path}:267:`);
    await write(bad);
    await vi.waitFor(() => expect(lines.at(-1)).toBe(said(bad)), PATIENCE);
    const clashing = longText(400, 7);
    expect(said(clashing, clash)).toContain(`${path}:304:15: proxy.services[300].name clashes`);
    await write(clashing);
    await vi.waitFor(() => expect(lines.at(-1)).toBe(said(clashing, clash)), PATIENCE);
    expect(follower.current().listen.port).toBe(1);
    await write(longText(401));
    await vi.waitFor(() => expect(ready()).toBe(401), PATIENCE);
  });

  it("that is refused is looked at again once the check says something else", async () => {
    await write(textOf(1));
    let found = clash;
    const check = vi.fn(({ services }: ProxyConfig) => (services.length > 1 ? found : []));
    follower = followConfig(path, { log, pollMs: 20, check, apply: async () => undefined });
    await write(longText(400));
    await vi.waitFor(() => expect(lines.at(-1)).toContain("clashes"), PATIENCE);
    const asked = check.mock.calls.length;
    follower.again();
    await new Promise((resolve) => setTimeout(resolve, 300));
    // It is not read again for nothing.
    expect(check.mock.calls.length).toBe(asked + 1);
    found = [];
    follower.again();
    await vi.waitFor(() => expect(ready()).toBe(400), PATIENCE);
  });

  it("is taken in the end when what it clashed with gives way while the fault's line is looked for", async () => {
    await write(textOf(1));
    let found = clash;
    const check = ({ services }: ProxyConfig) => {
      if (services.length === 1 || found.length === 0) return [];
      setImmediate(() => {
        found = [];
        follower?.again();
      });
      return clash;
    };
    follower = followConfig(path, { log, pollMs: 20, check, apply: async () => undefined });
    await write(longText(400));
    await vi.waitFor(() => expect(ready()).toBe(400), PATIENCE);
  });

  it("is neither applied nor told of after the close", async () => {
    await write(textOf(1));
    const apply = vi.fn(async () => undefined);
    follower = followConfig(path, { log, pollMs: 20, apply });
    await write(longText(3000));
    await new Promise((resolve) => setTimeout(resolve, 150));
    follower.close();
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(apply).not.toHaveBeenCalled();
    expect(lines).toEqual([]);
  });
});
