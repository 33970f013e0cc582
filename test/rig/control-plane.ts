import { randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Certificates, certificatePaths, makeCertificates } from "./certificates.ts";
import { writeKubeconfig } from "./kubeconfig.ts";

/** Where a control plane's parts listen. */
export interface ControlPlanePlace {
  /** Folder of its certificates, tokens, kubeconfig and data. */
  readonly folder: string;
  /** What the API server binds to. */
  readonly bindAddress: string;
  /** What the API server calls itself; never loopback, which endpoints refuse. */
  readonly advertiseAddress: string;
  /** What clients dial. */
  readonly address: string;
  readonly apiPort: number;
  readonly etcdPort: number;
  readonly etcdPeerPort: number;
}

/** A control plane's files. */
export interface ControlPlaneFiles {
  readonly certificates: Certificates;
  /** Admin's kubeconfig. */
  readonly kubeconfig: string;
  readonly tokens: string;
}

/** First address of the Services: the API server's own. */
export const SERVICE_RANGE = "10.0.0.0/24";
export const KUBERNETES_SERVICE_ADDRESS = "10.0.0.1";

export const apiUrl = (place: ControlPlanePlace): string => `https://${place.address}:${place.apiPort}`;

/** Makes certificates, an admin's token and kubeconfig. */
export async function prepareControlPlane(place: ControlPlanePlace, name: string): Promise<ControlPlaneFiles> {
  mkdirSync(place.folder, { recursive: true, mode: 0o700 });
  const addresses = [...new Set([place.address, place.advertiseAddress, "127.0.0.1", KUBERNETES_SERVICE_ADDRESS])];
  await makeCertificates(join(place.folder, "certificates"), addresses);
  const files = controlPlaneFiles(place);
  const token = randomBytes(24).toString("hex");
  writeFileSync(files.tokens, `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });
  writeKubeconfig(files.kubeconfig, name, { url: apiUrl(place), ca: files.certificates.ca, token });
  return files;
}

export function controlPlaneFiles(place: ControlPlanePlace): ControlPlaneFiles {
  return {
    certificates: certificatePaths(join(place.folder, "certificates")),
    kubeconfig: join(place.folder, "kubeconfig"),
    tokens: join(place.folder, "tokens.csv"),
  };
}

/** etcd that forgets on a power cut, which no test outlives, and is much faster for it. */
export function etcdArguments(place: ControlPlanePlace): string[] {
  const client = `http://127.0.0.1:${place.etcdPort}`;
  const peer = `http://127.0.0.1:${place.etcdPeerPort}`;
  return [
    `--data-dir=${join(place.folder, "etcd")}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    "--unsafe-no-fsync",
    "--log-level=warn",
  ];
}

export function apiServerArguments(place: ControlPlanePlace): string[] {
  const { certificates, tokens } = controlPlaneFiles(place);
  return [
    `--etcd-servers=http://127.0.0.1:${place.etcdPort}`,
    `--bind-address=${place.bindAddress}`,
    `--advertise-address=${place.advertiseAddress}`,
    `--secure-port=${place.apiPort}`,
    `--tls-cert-file=${certificates.server.certificate}`,
    `--tls-private-key-file=${certificates.server.key}`,
    `--client-ca-file=${certificates.ca}`,
    `--token-auth-file=${tokens}`,
    "--authorization-mode=RBAC",
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${certificates.serviceAccount.publicKey}`,
    `--service-account-signing-key-file=${certificates.serviceAccount.key}`,
    `--service-cluster-ip-range=${SERVICE_RANGE}`,
    "--allow-privileged",
    `--kubelet-client-certificate=${certificates.kubeletClient.certificate}`,
    `--kubelet-client-key=${certificates.kubeletClient.key}`,
    "--kubelet-preferred-address-types=InternalIP",
    // Webhooks and aggregated APIs are reached at their endpoints: there is no kube-proxy before the API server itself.
    "--enable-aggregator-routing",
    `--requestheader-client-ca-file=${certificates.frontCa}`,
    "--requestheader-allowed-names=front-proxy",
    "--requestheader-username-headers=X-Remote-User",
    "--requestheader-group-headers=X-Remote-Group",
    "--requestheader-extra-headers-prefix=X-Remote-Extra-",
    `--proxy-client-cert-file=${certificates.frontProxy.certificate}`,
    `--proxy-client-key-file=${certificates.frontProxy.key}`,
  ];
}

/** Controllers without a leader's lease: there is only one. HPAs are looked at every 5 s. */
export function controllerManagerArguments(place: ControlPlanePlace): string[] {
  const { certificates, kubeconfig } = controlPlaneFiles(place);
  return [
    `--kubeconfig=${kubeconfig}`,
    `--service-account-private-key-file=${certificates.serviceAccount.key}`,
    `--root-ca-file=${certificates.ca}`,
    "--leader-elect=false",
    "--secure-port=0",
    "--horizontal-pod-autoscaler-sync-period=5s",
    // Pods get their addresses from the CNI plugin's own range.
    "--controllers=*,-node-ipam-controller",
  ];
}
