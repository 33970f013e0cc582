/**
 * Runs on the rig's network: gets a certificate of istiod's CA for a service account's token, and writes it as istioctl's
 * `--cert-dir` wants it.
 */
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { requestIdentity } from "../../../xds/tls/istio.ts";

const [folder, tokenFile, rootsFile] = process.argv.slice(2);
if (folder === undefined || tokenFile === undefined || rootsFile === undefined)
  throw new Error("usage: certify.ts FOLDER TOKEN_FILE ROOTS_FILE");
const { identity } = await requestIdentity({
  address: "istiod.istio-system.svc:15012",
  tokenFile,
  rootsFile,
  trustDomain: "cluster.local",
  clusterId: "Kubernetes",
  validMs: 3_600_000,
});
writeFileSync(join(folder, "cert-chain.pem"), identity.certificates);
writeFileSync(join(folder, "key.pem"), identity.key, { mode: 0o600 });
copyFileSync(rootsFile, join(folder, "root-cert.pem"));
