import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { EvenkeelError } from "../../common/errors.ts";
import { is, type Values } from "../../common/settings.ts";
import { temporaryFolder } from "../../common/temporary-folder.ts";
import { readTextFile } from "../../common/text-file.ts";
import type { XdsAddress } from "../bootstrap/xds-cluster.ts";
import { secretFiles, type XdsTls } from "../bootstrap/xds-tls.ts";

const MAX_BYTES = 1024 * 1024;

const file = (what: "cert" | "key" | "ca", help: string) =>
  ({
    flag: `xds-${what}`,
    env: `EVENKEEL_XDS_${what.toUpperCase()}`,
    value: "FILE",
    default: "",
    parse: is.anyText,
    help,
  }) as const;

/** How Envoy and the control plane know each other. */
export const xdsTlsSettings = {
  xdsCert: file(
    "cert",
    "for a control plane with --tls: Envoy's certificate, PEM; read again when a new file is moved there",
  ),
  xdsKey: file("key", "its key, PEM"),
  xdsCa: file("ca", "the roots that the control plane's certificate must lead to, PEM"),
  xdsNames: {
    flag: "xds-names",
    env: "EVENKEEL_XDS_NAMES",
    value: "NAME,…",
    default: "",
    parse: (text: string) =>
      text
        .split(",")
        .map((name) => name.trim())
        .filter((name) => name !== ""),
    help: "what the control plane's certificate must be of, one of: host, IP address, SPIFFE id; by default the hosts of --xds",
  },
} as const;

/**
 * What the settings say of TLS; undefined: plain text.
 * @throws EvenkeelError EK_SETTING_INVALID when they are not whole, EK_FILE_UNREADABLE, EK_TLS_INVALID
 */
export function xdsTls(settings: Values<typeof xdsTlsSettings>, addresses: readonly XdsAddress[]): XdsTls | undefined {
  const files = { "--xds-cert": settings.xdsCert, "--xds-key": settings.xdsKey, "--xds-ca": settings.xdsCa };
  const missing = Object.entries(files).flatMap(([flag, path]) => (path === "" ? [flag] : []));
  if (missing.length === 3 && settings.xdsNames.length === 0) return undefined;
  if (missing.length > 0)
    throw new EvenkeelError("EK_SETTING_INVALID", `TLS to the control plane needs ${missing.join(", ")} too`, {
      next: "give --xds-cert, --xds-key and --xds-ca, or none of the --xds-… files",
    });
  for (const [flag, path] of Object.entries(files))
    if (!/-----BEGIN /.test(readTextFile(path, flag, MAX_BYTES) ?? ""))
      throw new EvenkeelError("EK_TLS_INVALID", `${flag} is no PEM file`, { where: path });
  const names = settings.xdsNames.length > 0 ? settings.xdsNames : addresses.map(({ address }) => address);
  return {
    certificate: resolve(settings.xdsCert),
    key: resolve(settings.xdsKey),
    roots: resolve(settings.xdsCa),
    names: [...new Set(names)],
  };
}

/** Writes the files that tell Envoy of its secrets. @returns their folder, which is the caller's to remove */
export async function writeSecretFiles(tls: XdsTls): Promise<string> {
  const folder = await temporaryFolder("secrets");
  for (const [name, content] of Object.entries(secretFiles(tls)))
    await writeFile(join(folder, name), JSON.stringify(content), { mode: 0o600 });
  return folder;
}
