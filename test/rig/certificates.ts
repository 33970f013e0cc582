import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.ts";

/** The files of a cluster's identities, all in one folder. Keys are ECDSA P-256: quick to make. */
export interface Certificates {
  /** Signs the server and its clients. */
  readonly ca: string;
  readonly server: KeyPair;
  /** The API server towards the kubelet. */
  readonly kubeletClient: KeyPair;
  /** Signs `frontProxy` alone. */
  readonly frontCa: string;
  /** The API server towards aggregated APIs. */
  readonly frontProxy: KeyPair;
  /** Signs and checks the tokens of service accounts. */
  readonly serviceAccount: { readonly key: string; readonly publicKey: string };
}

export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

const DAYS = "30";

/** The paths of {@link Certificates} under a folder, whether they are made yet or not. */
export function certificatePaths(folder: string): Certificates {
  const pair = (name: string) => ({ certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) });
  return {
    ca: join(folder, "ca.crt"),
    server: pair("server"),
    kubeletClient: pair("kubelet-client"),
    frontCa: join(folder, "front-ca.crt"),
    frontProxy: pair("front-proxy"),
    serviceAccount: { key: join(folder, "service-account.key"), publicKey: join(folder, "service-account.pub") },
  };
}

/**
 * Makes all of them with `openssl`.
 * @param addresses the IP addresses that the server answers on
 * @throws EvenkeelError EK_PROGRAM_MISSING without openssl, EK_CHILD_FAILED
 */
export async function makeCertificates(folder: string, addresses: readonly string[]): Promise<Certificates> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const paths = certificatePaths(folder);
  await Promise.all([makeAuthority(folder, "ca"), makeAuthority(folder, "front-ca")]);
  const names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"].map(
    (name) => `DNS:${name}`,
  );
  const alternative = [...names, ...addresses.map((address) => `IP:${address}`)].join(",");
  await Promise.all([
    makeLeaf(folder, "ca", "server", "/CN=kube-apiserver", `subjectAltName=${alternative}`),
    makeLeaf(folder, "ca", "kubelet-client", "/O=system:masters/CN=kube-apiserver"),
    makeLeaf(folder, "front-ca", "front-proxy", "/CN=front-proxy"),
  ]);
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  writeFileSync(paths.serviceAccount.key, privateKey.export({ type: "sec1", format: "pem" }), { mode: 0o600 });
  writeFileSync(paths.serviceAccount.publicKey, publicKey.export({ type: "spki", format: "pem" }));
  return paths;
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/** Makes an authority: NAME.key and NAME.crt. */
export async function makeAuthority(folder: string, name: string): Promise<void> {
  const files = ["-keyout", `${name}.key`, "-out", `${name}.crt`];
  await run("openssl", ["req", "-x509", ...NEW_KEY, ...files, "-subj", `/CN=evenkeel-rig-${name}`, "-days", DAYS], {
    cwd: folder,
  });
}

/** Makes a key and has an authority of the same folder sign it. */
export async function makeLeaf(
  folder: string,
  authority: string,
  name: string,
  subject: string,
  extensions = "",
): Promise<void> {
  const request = ["-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", subject];
  await run("openssl", ["req", ...NEW_KEY, ...request], { cwd: folder });
  writeFileSync(join(folder, `${name}.ext`), `${extensions}\n`);
  // Its own random serial: with a serial file, two that sign at once would share it.
  const signing = ["-CA", `${authority}.crt`, "-CAkey", `${authority}.key`, "-set_serial", `0x${serial()}`];
  const files = ["-in", `${name}.csr`, "-out", `${name}.crt`, "-extfile", `${name}.ext`];
  await run("openssl", ["x509", "-req", ...files, ...signing, "-days", DAYS], { cwd: folder });
}

/** A positive serial: a first byte under 0x80. */
function serial(): string {
  return `01${randomBytes(8).toString("hex")}`;
}
