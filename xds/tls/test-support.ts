/** Certificates for the tests of this folder, made by openssl. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeAuthority, makeLeaf } from "../../test/rig/certificates.ts";
import type { Identity } from "./identity.ts";

export interface Mesh {
  readonly folder: string;
  /** PEM. */
  readonly root: string;
  /** Paths of a new certificate with these alternative names, e.g. `URI:spiffe://…`. */
  leaf(name: string, names: string): Promise<{ readonly certificate: string; readonly key: string }>;
  identity(name: string, names: string): Promise<Identity>;
  remove(): void;
}

export async function makeMesh(): Promise<Mesh> {
  const folder = mkdtempSync(join(tmpdir(), "evenkeel-tls-"));
  await makeAuthority(folder, "ca");
  const root = readFileSync(join(folder, "ca.crt"), "utf8");
  const leaf = async (name: string, names: string) => {
    await makeLeaf(folder, "ca", name, "/", `subjectAltName=critical,${names}`);
    return { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  };
  return {
    folder,
    root,
    leaf,
    async identity(name, names) {
      const { certificate, key } = await leaf(name, names);
      return { certificates: readFileSync(certificate, "utf8"), key: readFileSync(key, "utf8"), roots: root };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
