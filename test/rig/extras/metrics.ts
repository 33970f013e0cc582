import { join } from "node:path";
import { requireAlive } from "../control-plane-services.ts";
import type { Programs } from "../programs/programs.ts";
import { waitUntil } from "../ready.ts";
import type { Session } from "../session.ts";
import { manifest, processService } from "./process-service.ts";

const PORT = 4443;

/** metrics-server at its shortest resolution. It has figures of a pod from about 20 s after that pod's start on. */
export async function startMetrics(session: Session, programs: Programs): Promise<void> {
  const { kubeconfig } = session.state();
  await session.start({
    name: "metrics-server",
    program: programs["metrics-server"] as string,
    args: [
      `--kubeconfig=${kubeconfig}`,
      `--authentication-kubeconfig=${kubeconfig}`,
      `--authorization-kubeconfig=${kubeconfig}`,
      `--secure-port=${PORT}`,
      `--cert-dir=${join(session.folder, "metrics-server")}`,
      "--kubelet-insecure-tls",
      "--kubelet-preferred-address-types=InternalIP",
      "--kubelet-use-node-status-port",
      "--metric-resolution=10s",
      "--kubelet-request-timeout=5s",
    ],
  });
  const apiService = {
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: { name: "v1beta1.metrics.k8s.io" },
    spec: {
      group: "metrics.k8s.io",
      version: "v1beta1",
      groupPriorityMinimum: 100,
      versionPriority: 100,
      insecureSkipTLSVerify: true,
      service: { name: "metrics-server", namespace: "kube-system" },
    },
  };
  const ports = [{ name: "https", port: 443, targetPort: PORT }];
  const service = processService({ namespace: "kube-system", name: "metrics-server", ports });
  await session.kubectl(["apply", "--server-side", "-f", "-"], manifest([...service, apiService]));
  const query = ["get", "apiservice", "v1beta1.metrics.k8s.io", "-o"];
  const available = 'jsonpath={.status.conditions[?(@.type=="Available")].status}';
  await waitUntil("the metrics API", async () => (await session.kubectl([...query, available])) === "True", {
    timeoutMs: 180_000,
    everyMs: 500,
    where: session.folder,
    giveUp: () => requireAlive(session, "metrics-server"),
  });
}
