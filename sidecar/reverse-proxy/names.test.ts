import { expect, it, vi } from "vitest";
import type { Logger } from "../../common/log.ts";
import type { ProxyConfig } from "./config.ts";
import { NameWatch } from "./names.ts";

const config = (...addresses: readonly string[]): ProxyConfig => ({
  listen: { address: "127.0.0.1", port: 8080 },
  services: [
    {
      name: "a",
      domain: "a",
      hosts: addresses.map((address) => ({ scheme: "http", address, port: 80 })),
      rewriteHost: false,
    },
  ],
});

function watch() {
  const lines: string[] = [];
  const note = (level: string) => (facts: { host: string }) => void lines.push(`${level} ${facts.host}`);
  const log = { warn: note("warn"), info: note("info") } as unknown as Logger;
  const missing = new Set<string>();
  const asked: string[] = [];
  const resolve = async (name: string) => {
    asked.push(name);
    if (missing.has(name)) throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
  };
  return { names: new NameWatch(log, { resolve, againMs: 5 }), lines, missing, asked };
}

it("names each host that does not resolve once, and says when it does", async () => {
  const { names, lines, missing } = watch();
  missing.add("gone.invalid");
  await names.check(config("gone.invalid", "here.example"));
  await names.check(config("gone.invalid", "here.example"));
  expect(lines).toEqual(["warn gone.invalid"]);
  missing.clear();
  await vi.waitFor(() => expect(lines).toEqual(["warn gone.invalid", "info gone.invalid"]), { timeout: 20_000 });
  names.close();
});

it("asks for no address, and for no name that an edit took out", async () => {
  const { names, missing, asked } = watch();
  missing.add("gone.invalid");
  await names.check(config("10.0.0.1", "gone.invalid"));
  await names.check(config("10.0.0.1"));
  const before = asked.length;
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(asked).toEqual(Array.from({ length: before }, () => "gone.invalid"));
  expect(asked.length).toBe(before);
  names.close();
});
