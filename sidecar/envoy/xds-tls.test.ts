import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { secretFiles, xdsTransportSocket } from "../bootstrap/xds-tls.ts";
import { xdsTls } from "./xds-tls.ts";

let folder: string;
const at = (name: string) => join(folder, name);
const XDS = [
  { address: "10.0.0.1", port: 1 },
  { address: "control-plane.evenkeel.svc", port: 2 },
];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "evenkeel-xds-tls-"));
  for (const name of ["a.crt", "a.key", "ca.crt"]) writeFileSync(at(name), "-----BEGIN ANYTHING-----\n");
  writeFileSync(at("a.txt"), "hello");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const settings = (more: object = {}) => ({
  xdsCert: at("a.crt"),
  xdsKey: at("a.key"),
  xdsCa: at("ca.crt"),
  xdsNames: [],
  ...more,
});

it("expects the hosts of --xds, or what is said", () => {
  expect(xdsTls(settings(), XDS)?.names).toEqual(["10.0.0.1", "control-plane.evenkeel.svc"]);
  const names = ["spiffe://cluster.local/ns/evenkeel/sa/cp"];
  expect(xdsTls(settings({ xdsNames: names }), XDS)?.names).toEqual(names);
});

it("is plain text without any of the files", () => {
  expect(xdsTls({ xdsCert: "", xdsKey: "", xdsCa: "", xdsNames: [] }, XDS)).toBeUndefined();
});

it.each([
  [{ xdsKey: "" }, "EK_SETTING_INVALID", "--xds-key"],
  [{ xdsCert: "", xdsKey: "", xdsCa: "", xdsNames: ["a"] }, "EK_SETTING_INVALID", "--xds-cert, --xds-key, --xds-ca"],
  [{ xdsCa: "/nowhere/ca.crt" }, "EK_FILE_UNREADABLE", ""],
])("%j is refused", (more, code, message) => {
  expect(() => xdsTls(settings(more), XDS)).toThrow(
    expect.objectContaining({ code, message: expect.stringContaining(message) }),
  );
});

it("a file that is no PEM is named", () => {
  expect(() => xdsTls(settings({ xdsKey: at("a.txt") }), XDS)).toThrow(
    expect.objectContaining({ code: "EK_TLS_INVALID", where: at("a.txt") }),
  );
});

it("asks for each name as what it is, and says a host name only", () => {
  const tls = {
    certificate: "/c/a.crt",
    key: "/c/a.key",
    roots: "/r/ca.crt",
    names: ["10.0.0.1", "cp.svc", "spiffe://a/b"],
  };
  const wanted = ["IP_ADDRESS", "DNS", "URI"].map((type, index) => ({
    san_type: type,
    matcher: { exact: tls.names[index] },
  }));
  expect(xdsTransportSocket(tls)).toMatchObject({
    typed_config: {
      sni: "cp.svc",
      common_tls_context: { validation_context: { match_typed_subject_alt_names: wanted } },
    },
  });
  expect(xdsTransportSocket({ ...tls, names: ["10.0.0.1"] })).not.toHaveProperty("typed_config.sni");
  const folders = Object.values(secretFiles(tls)).map(
    (each) => JSON.stringify(each).match(/"watched_directory":\{"path":"([^"]+)"/)?.[1],
  );
  expect(folders).toEqual(["/c", "/r"]);
});
