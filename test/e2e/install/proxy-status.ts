import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitUntil } from "../../rig/ready.ts";
import { EVENKEEL, istioctl, podsOf, SHOP } from "../mesh/cluster.ts";
import type { Install } from "./main.ts";

const CERTIFY = join(import.meta.dirname, "certify.ts");

/**
 * `istioctl proxy-status` against our control planes, over mutual TLS with a certificate of the mesh: between them they list
 * every gateway. Without a certificate there is no answer.
 */
export async function proxyStatus(install: Install): Promise<string> {
  const { rig, say } = install;
  const certificates = await meshCertificate(install);
  const addresses = (await podsOf(rig, EVENKEEL, "app.kubernetes.io/name=evenkeel-control-plane")).map(
    ({ status }) => `${status?.podIP}:18000`,
  );
  const gateways = (await podsOf(rig, SHOP, "istio=ps-s0")).map(({ metadata }) => `${metadata.name}.${SHOP}`);
  if (gateways.length === 0) throw new Error("there is no gateway");
  // A workload's certificate names its account, and no host that istioctl could check.
  const flags = ["--cert-dir", certificates, "--insecure"];
  let listed = "";
  await waitUntil(
    `${gateways.join(" and ")} in istioctl proxy-status`,
    async () => {
      const answers = addresses.map((address) => istioctl(rig, "proxy-status", "--xds-address", address, ...flags));
      listed = (await Promise.all(answers)).join("");
      return gateways.every((name) => listed.includes(name));
    },
    { timeoutMs: 60_000, everyMs: 500 },
  ).catch((error: Error) => {
    throw new Error(`${error.message}; it showed ${listed}`);
  });
  for (const line of listed.trimEnd().split("\n")) say(line);
  for (const without of [["--plaintext"], []]) {
    const words = ["proxy-status", "--xds-address", addresses[0] ?? "", ...without];
    const answer = await istioctl(rig, ...words).catch(() => undefined);
    if (answer !== undefined) throw new Error(`istioctl without a certificate got an answer: ${answer}`);
  }
  return `istioctl proxy-status over mutual TLS lists ${gateways.length} gateways, and nothing without a certificate`;
}

/** A certificate of the mesh for an account of the app's namespace. @returns the folder, as istioctl's `--cert-dir` wants it */
async function meshCertificate({ rig, folder }: Install): Promise<string> {
  const certificates = join(folder, "certificates");
  mkdirSync(certificates);
  const token = join(folder, "token");
  const words = ["create", "token", "default", "-n", SHOP, "--audience=istio-ca"];
  writeFileSync(token, await rig.kubectl(words), { mode: 0o600 });
  const roots = join(folder, "roots.pem");
  const path = "jsonpath={.data.root-cert\\.pem}";
  writeFileSync(roots, await rig.kubectl(["get", "configmap", "istio-ca-root-cert", "-n", SHOP, "-o", path]));
  await rig.exec([process.execPath, CERTIFY, certificates, token, roots]);
  return certificates;
}
