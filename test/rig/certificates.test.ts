import { createPublicKey, X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Certificates, makeCertificates } from "./certificates.ts";

let folder = "";
let made: Certificates | undefined;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "evenkeel-certificates-test-"));
  made = await makeCertificates(folder, ["127.0.0.1", "10.0.0.1"]);
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const paths = (): Certificates => {
  if (made === undefined) throw new Error("the certificates were not made");
  return made;
};
const certificate = (path: string) => new X509Certificate(readFileSync(path));

test("the server's is signed by the authority and names each address it answers on", () => {
  const server = certificate(paths().server.certificate);
  const authority = certificate(paths().ca);
  expect(server.verify(authority.publicKey)).toBe(true);
  expect(server.checkIP("10.0.0.1")).toBe("10.0.0.1");
  expect(server.checkHost("kubernetes.default.svc")).toBe("kubernetes.default.svc");
  expect(server.checkIP("10.0.0.2")).toBeUndefined();
});

test("each identity has the name that is checked elsewhere, from the right authority", () => {
  const client = certificate(paths().kubeletClient.certificate);
  expect(client.subject).toContain("O=system:masters");
  const front = certificate(paths().frontProxy.certificate);
  expect(front.subject).toContain("CN=front-proxy");
  expect(front.verify(certificate(paths().frontCa).publicKey)).toBe(true);
  expect(front.verify(certificate(paths().ca).publicKey)).toBe(false);
});

test("service accounts have a pair of keys that belong together", () => {
  const fromPrivate = createPublicKey(readFileSync(paths().serviceAccount.key)).export({ type: "spki", format: "pem" });
  expect(readFileSync(paths().serviceAccount.publicKey, "utf8")).toBe(fromPrivate);
});
