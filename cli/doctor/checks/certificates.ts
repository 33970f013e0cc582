import { X509Certificate } from "node:crypto";
import { hasCode } from "../../../common/kubernetes/failure.ts";
import type { KubeObject } from "../../../common/kubernetes/object.ts";
import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import { ofRole } from "../installation.ts";
import type { Look } from "../look.ts";
import type { ConfigMap, WebhookConfiguration } from "../objects.ts";
import { DOCTOR_RESOURCES } from "../resources.ts";

/** One certificate that the installation goes by. */
export interface Certificate {
  readonly where: string;
  readonly subject: string;
  /** In ms since 1970. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** The command that renews it. */
  readonly renew: string;
}

/** What is left must be enough for somebody to act. In ms. */
const SOON_MS = 3 * 24 * 3_600_000;
/** A certificate that lives shorter than that is renewed by a program, with more than this share of its life left. */
const SOON_SHARE = 0.2;

export function judgeCertificates(certificates: readonly Certificate[], nowMs: number): Finding[] {
  return certificates.flatMap(({ where, subject, notBeforeMs, notAfterMs, renew }) => {
    const leftMs = notAfterMs - nowMs;
    const soonMs = Math.min(SOON_MS, SOON_SHARE * (notAfterMs - notBeforeMs));
    if (leftMs > soonMs && notBeforeMs <= nowMs) return [];
    const what =
      notBeforeMs > nowMs
        ? "a certificate is not valid yet"
        : leftMs <= 0
          ? "a certificate has expired"
          : "a certificate expires soon";
    const time = notBeforeMs > nowMs ? `valid from ${iso(notBeforeMs)}` : `valid until ${iso(notAfterMs)}`;
    return [{ check: "certificates", what, where, seen: `${subject}: ${time}`, mend: renew }];
  });
}

const iso = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace("T", " ");

/** Reads all certificates of a PEM text; what is none is left out. */
export function certificatesOf(pem: string, where: string, renew: string): readonly Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.flatMap((block) => {
    try {
      const { subject, validFrom, validTo } = new X509Certificate(block);
      const name = subject.replace(/\s+/g, " ");
      return [{ where, subject: name, notBeforeMs: Date.parse(validFrom), notAfterMs: Date.parse(validTo), renew }];
    } catch {
      // Whoever uses it says so better.
      return [];
    }
  });
}

const ISTIO_ROOT = "istio-ca-root-cert";

export const certificates: Check = {
  name: "certificates",
  looksFor: "certificates that have expired or soon will",
  async run(look) {
    const [roots, webhooks, secrets] = await Promise.all([istioRoots(look), istioWebhooks(look), mounted(look)]);
    return judgeCertificates([...roots, ...webhooks, ...secrets], look.nowMs);
  },
};

/** The mesh's root in the control plane's namespace; istiod writes the same into all. */
async function istioRoots(look: Look): Promise<readonly Certificate[]> {
  const { systemNamespace, istioNamespace } = look.scope;
  const found = await look.get<ConfigMap>(RESOURCES.configMaps, systemNamespace, ISTIO_ROOT);
  const renew = `istioctl proxy-config rootca-compare --help    # renew the mesh's root: https://istio.io/latest/docs/tasks/security/cert-management/\nkubectl rollout restart deployment/istiod -n ${istioNamespace}`;
  return certificatesOf(found?.data?.["root-cert.pem"] ?? "", `ConfigMap ${systemNamespace}/${ISTIO_ROOT}`, renew);
}

async function istioWebhooks(look: Look): Promise<readonly Certificate[]> {
  const all = await look.list<WebhookConfiguration>(DOCTOR_RESOURCES.mutatingWebhooks);
  const renew = `kubectl rollout restart deployment/istiod -n ${look.scope.istioNamespace}    # it writes its authority anew`;
  return all
    .filter(({ metadata }) => metadata.name.startsWith("istio-sidecar-injector"))
    .flatMap(({ metadata, webhooks = [] }) => {
      const bundles = new Set(webhooks.map(({ clientConfig }) => clientConfig?.caBundle ?? ""));
      const where = `MutatingWebhookConfiguration ${metadata.name}`;
      return [...bundles].flatMap((bundle) => certificatesOf(Buffer.from(bundle, "base64").toString(), where, renew));
    });
}

interface Secret extends KubeObject {
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

/** Certificates in Secrets that our pods mount, where they may be read: manifests/doctor/role.yaml grants no Secrets. */
async function mounted(look: Look): Promise<readonly Certificate[]> {
  const workloads = ofRole(await look.installation(), "control-plane", "scaler", "front");
  const names = workloads.flatMap(({ namespace, controller }) =>
    (controller?.spec?.template?.spec?.volumes ?? []).flatMap(({ secret }) =>
      secret?.secretName === undefined ? [] : [{ namespace, name: secret.secretName }],
    ),
  );
  const read = names.map(async ({ namespace, name }) => {
    try {
      const secret = await look.get<Secret>(RESOURCES.secrets, namespace, name);
      const keys = Object.keys(secret?.data ?? {});
      return Object.entries(secret?.data ?? {})
        .filter(([key]) => /\.(crt|pem)$/.test(key))
        .flatMap(([key, data]) => {
          const renew = renewal(`${name} -n ${namespace}`, key, keys);
          return certificatesOf(Buffer.from(data, "base64").toString(), `Secret ${namespace}/${name}, ${key}`, renew);
        });
    } catch (error) {
      if (hasCode(error, "EK_KUBE_FORBIDDEN")) return [];
      throw error;
    }
  });
  return (await Promise.all(read)).flat();
}

/**
 * Puts one certificate anew, with the private key that belongs to it, and leaves the Secret's type and its other keys as they
 * are. Without the files it changes nothing.
 * @param ref `NAME -n NAMESPACE`
 * @param keys all that the Secret has
 */
export function renewal(ref: string, key: string, keys: readonly string[]): string {
  const privateKey = key.replace(/\.(crt|pem)$/, ".key");
  const files = [
    `--from-file=${key}=CERTIFICATE-FILE`,
    ...(keys.includes(privateKey) ? [`--from-file=${privateKey}=KEY-FILE`] : []),
  ];
  return `kubectl create secret generic ${ref} ${files.join(" ")} --dry-run=client -o json | kubectl patch secret ${ref} --type merge --patch-file /dev/stdin`;
}
