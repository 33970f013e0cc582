import { parseAllDocuments } from "yaml";
import { requireAlive } from "../control-plane-services.ts";
import { gatewayArchive, PROXY_HUB, PROXY_TAG } from "../images/gateway.ts";
import { importImage } from "../images/import.ts";
import { NODE_ADDRESS } from "../place.ts";
import type { Programs } from "../programs/programs.ts";
import { waitUntil } from "../ready.ts";
import type { Session } from "../session.ts";
import { manifest, namespace, processService } from "./process-service.ts";

const NAMESPACE = "istio-system";
const PORTS = [
  { name: "grpc-xds", port: 15010, targetPort: 15010 },
  { name: "https-dns", port: 15012, targetPort: 15012 },
  { name: "https-webhook", port: 443, targetPort: 15017 },
  { name: "http-monitoring", port: 15014, targetPort: 15014 },
];

/** What Istio's installation makes that a process in place of its Deployment does not need, or that is made here. */
const LEFT_OUT = new Set(["Deployment", "HorizontalPodAutoscaler", "PodDisruptionBudget", "Service", "NetworkPolicy"]);

/**
 * Istio as installed by its own charts, with two differences: istiod is a process on the node, behind the usual Service;
 * and the proxy image is packed here, from pilot-agent and an upstream Envoy. Certificates, injection and validation are
 * the real ones.
 */
export async function startIstio(session: Session, programs: Programs): Promise<void> {
  await Promise.all([startIstiod(session, programs), loadProxy(session, programs)]);
}

async function startIstiod(session: Session, programs: Programs): Promise<void> {
  const generated = await session.inside([programs.istioctl as string, "manifest", "generate", ...SETTINGS]);
  const objects = installedObjects(generated);
  const kinds = (wanted: (kind: string) => boolean) => objects.filter((object) => wanted(object.kind));
  const apply = ["apply", "--server-side", "-f", "-"];
  await session.kubectl(apply, manifest([namespace(NAMESPACE)]));
  await session.kubectl(apply, manifest(kinds((kind) => kind === "CustomResourceDefinition")));
  const webhook = (kind: string) => kind.endsWith("WebhookConfiguration");
  const rest = kinds((kind) => kind !== "CustomResourceDefinition" && !webhook(kind));
  const service = processService({ namespace: NAMESPACE, name: "istiod", ports: PORTS });
  await session.kubectl(apply, manifest([...rest, ...service]));
  await session.start({
    name: "istiod",
    program: programs["pilot-discovery"] as string,
    args: [
      "discovery",
      `--kubeconfig=${session.state().kubeconfig}`,
      "--domain=cluster.local",
      "--registries=Kubernetes",
      "--grpcAddr=:15010",
      "--secureGRPCAddr=:15012",
      "--httpAddr=:15080",
      "--httpsAddr=:15017",
      "--monitoringAddr=:15014",
      "--ctrlz_port=0",
    ],
    env: {
      POD_NAMESPACE: NAMESPACE,
      POD_NAME: "istiod-rig",
      REVISION: "default",
      CLUSTER_ID: "Kubernetes",
      PILOT_CERT_PROVIDER: "istiod",
      SERVICE_ACCOUNT: "istiod",
      // Filters that only Istio's own build of Envoy has.
      PILOT_ENABLE_METADATA_EXCHANGE: "false",
      PILOT_ENABLE_ALPN_FILTER: "false",
      PILOT_ENABLE_TELEMETRY_LABEL: "false",
    },
  });
  await waitForIstiod(session);
  // Only now: while it is there and istiod is not, no pod that asks for injection can be made.
  await session.kubectl(apply, manifest(kinds(webhook)));
  await waitUntil("the injection webhook's certificate", () => webhookHasAuthority(session), {
    timeoutMs: 180_000,
    where: session.folder,
    giveUp: () => requireAlive(session, "istiod"),
  });
}

const SETTINGS = [
  ...["--set", "profile=minimal"],
  ...["--set", `values.global.hub=${PROXY_HUB}`],
  ...["--set", `values.global.tag=${PROXY_TAG}`],
  ...["--set", "values.global.imagePullPolicy=IfNotPresent"],
  ...["--set", "values.global.proxy.readinessPeriodSeconds=2"],
  // Its statistics are a filter that only Istio's own build of Envoy has.
  ...["--set", "values.telemetry.enabled=false"],
  // Statistics of the app are not merged into the proxy's: there is no Prometheus in the rig.
  ...["--set", "meshConfig.enablePrometheusMerge=false"],
];

interface KubernetesObject {
  readonly kind: string;
}

/** Those of an installation's objects that a rig takes over. */
export function installedObjects(generated: string): KubernetesObject[] {
  return parseAllDocuments(generated)
    .map((document) => document.toJS() as KubernetesObject | null)
    .filter((object): object is KubernetesObject => object !== null && !LEFT_OUT.has(object.kind));
}

/** @throws EvenkeelError EK_TIMEOUT, EK_CHILD_FAILED */
export async function waitForIstiod(session: Session): Promise<void> {
  const node = process.execPath;
  const script = `fetch("http://${NODE_ADDRESS}:15080/ready").then((answer) => process.exit(answer.ok ? 0 : 1))`;
  await waitUntil("istiod's readiness", () => session.inside([node, "-e", script]).then(() => true), {
    timeoutMs: 180_000,
    everyMs: 300,
    where: session.folder,
    giveUp: () => requireAlive(session, "istiod"),
  });
}

/** istiod writes its own certificate authority into the webhook's configuration. */
async function webhookHasAuthority(session: Session): Promise<boolean> {
  const path = "jsonpath={.webhooks[*].clientConfig.caBundle}";
  const bundles = await session.kubectl(["get", "mutatingwebhookconfiguration", "istio-sidecar-injector", "-o", path]);
  return bundles !== "";
}

async function loadProxy(session: Session, programs: Programs): Promise<void> {
  await importImage(session, await gatewayArchive(programs["pilot-agent"] as string, session.onProgress));
}
