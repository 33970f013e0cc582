import { readFileSync, writeFileSync } from "node:fs";
import { stringify } from "yaml";

/** Who connects to which API server. */
export interface Access {
  readonly url: string;
  /** Path of the certificate authority; it is written into the kubeconfig itself. */
  readonly ca: string;
  readonly token: string;
}

/** Writes a kubeconfig that needs no other file, readable by its owner alone. */
export function writeKubeconfig(path: string, name: string, access: Access): void {
  const authority = readFileSync(access.ca).toString("base64");
  const content = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster: { server: access.url, "certificate-authority-data": authority } }],
    users: [{ name, user: { token: access.token } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  };
  writeFileSync(path, stringify(content), { mode: 0o600 });
}
