import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { platformCache } from "../cache.ts";
import { makeAuthority, makeLeaf } from "../certificates.ts";
import { requireAlive } from "../control-plane-services.ts";
import { NODE_ADDRESS } from "../place.ts";
import { moduleFile } from "../programs/build.ts";
import type { Programs } from "../programs/programs.ts";
import { KEDA_MODULE, RECIPES, type Recipe } from "../programs/recipes.ts";
import { waitUntil } from "../ready.ts";
import type { Session } from "../session.ts";
import { manifest, namespace, processService } from "./process-service.ts";

const NAMESPACE = "keda";
const ADAPTER_PORT = 16443;
/** Where the adapter asks the operator for figures. */
const OPERATOR_PORT = 9666;

/** KEDA: its operator and its metrics adapter as processes on the node, its CRDs, its API for external metrics. */
export async function startKeda(session: Session, programs: Programs): Promise<void> {
  const [certificates] = await Promise.all([makeKedaCertificates(session.folder), applyObjects(session)]);
  const env = {
    WATCH_NAMESPACE: "",
    POD_NAMESPACE: NAMESPACE,
    POD_NAME: "keda-rig",
    OPERATOR_NAME: "keda-operator",
    KEDA_CLUSTER_OBJECT_NAMESPACE: NAMESPACE,
  };
  await session.start({
    name: "keda-operator",
    program: programs["keda-operator"] as string,
    args: [
      `--cert-dir=${certificates}`,
      "--enable-cert-rotation=false",
      `--metrics-service-bind-address=:${OPERATOR_PORT}`,
      // The usual 8080 and 8081 stay free for what is under test.
      "--metrics-bind-address=127.0.0.1:18080",
      "--health-probe-bind-address=127.0.0.1:18081",
    ],
    env,
  });
  const { kubeconfig } = session.state();
  await session.start({
    name: "keda-adapter",
    program: programs["keda-adapter"] as string,
    args: [
      `--secure-port=${ADAPTER_PORT}`,
      "--port=18082",
      `--lister-kubeconfig=${kubeconfig}`,
      `--authentication-kubeconfig=${kubeconfig}`,
      `--authorization-kubeconfig=${kubeconfig}`,
      `--cert-dir=${certificates}`,
      `--client-ca-file=${join(certificates, "ca.crt")}`,
      `--tls-cert-file=${join(certificates, "tls.crt")}`,
      `--tls-private-key-file=${join(certificates, "tls.key")}`,
      `--metrics-service-address=${NODE_ADDRESS}:${OPERATOR_PORT}`,
    ],
    env,
  });
  const query = ["get", "apiservice", "v1beta1.external.metrics.k8s.io", "-o"];
  const available = 'jsonpath={.status.conditions[?(@.type=="Available")].status}';
  await waitUntil("KEDA's metrics API", async () => (await session.kubectl([...query, available])) === "True", {
    timeoutMs: 180_000,
    everyMs: 500,
    where: session.folder,
    giveUp: () => requireAlive(session, "keda-operator", "keda-adapter"),
  });
}

/** One certificate for both, server and client: they only talk to each other and to the API server. */
async function makeKedaCertificates(folder: string): Promise<string> {
  const certificates = join(folder, "keda");
  mkdirSync(certificates, { recursive: true });
  await makeAuthority(certificates, "ca");
  const names = ["keda-operator", "keda-metrics-apiserver"].flatMap((name) => [
    `DNS:${name}.${NAMESPACE}.svc`,
    `DNS:${name}.${NAMESPACE}.svc.cluster.local`,
  ]);
  const extension = `subjectAltName=${[...names, `IP:${NODE_ADDRESS}`].join(",")}`;
  await makeLeaf(certificates, "ca", "tls", "/CN=keda", extension);
  return certificates;
}

async function applyObjects(session: Session): Promise<void> {
  const keda = RECIPES.find((recipe) => recipe.module === KEDA_MODULE) as Recipe;
  const folder = await moduleFile(keda, "config/crd/bases", platformCache());
  const definitions = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  const apiService = {
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: { name: "v1beta1.external.metrics.k8s.io" },
    spec: {
      group: "external.metrics.k8s.io",
      version: "v1beta1",
      groupPriorityMinimum: 100,
      versionPriority: 100,
      insecureSkipTLSVerify: true,
      service: { name: "keda-metrics-apiserver", namespace: NAMESPACE },
    },
  };
  const objects = [
    namespace(NAMESPACE),
    ...processService({
      namespace: NAMESPACE,
      name: "keda-operator",
      ports: [{ name: "metricsservice", port: OPERATOR_PORT, targetPort: OPERATOR_PORT }],
    }),
    ...processService({
      namespace: NAMESPACE,
      name: "keda-metrics-apiserver",
      ports: [{ name: "https", port: 443, targetPort: ADAPTER_PORT }],
    }),
    apiService,
  ];
  const stream = [...definitions, manifest(objects)].join("\n---\n");
  await session.kubectl(["apply", "--server-side", "-f", "-"], stream);
}
