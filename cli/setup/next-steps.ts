import type { Cluster } from "./cluster.ts";
import type { Kubectl } from "./kubectl.ts";
import { REPOSITORY } from "./objects.ts";
import type { SetupSettings } from "./settings.ts";

/** What a user can do now, line by line. */
export async function nextSteps(kubectl: Kubectl, cluster: Cluster, settings: SetupSettings): Promise<string[]> {
  const there = `kubectl --context ${kubectl.context} --namespace ${settings.namespace}`;
  const url = await addressOf(kubectl, cluster);
  const where =
    cluster.addressCommand === undefined
      ? [`curl ${url}/info`]
      : [`${cluster.addressCommand(settings.namespace)}    (prints the URL; let it run where it asks to)`];
  const target = cluster.addressCommand === undefined ? url : "URL";
  const self = `evenkeel setup --delete${flags(settings)}`;
  return [
    "",
    "It works. Next:",
    ...where.map((command) => `  ${command}`),
    `  npm run load -- cpu --url ${target}    (in ${REPOSITORY})`,
    `  ${there} get hpa fastapi-hpa --watch`,
    `  ${there} get pods --selector app=fastapi-app --watch`,
    `  ${self}    (removes what this made)`,
  ];
}

/** The NodePort at an address of a node. kind's nodes are reached by the port that they have on this machine's loopback. */
async function addressOf(kubectl: Kubectl, cluster: Cluster): Promise<string> {
  if (cluster.kind === "kind") return "http://127.0.0.1:30080";
  const path = 'jsonpath={.items[*].status.addresses[?(@.type=="InternalIP")].address}';
  const addresses = await kubectl(["get", "nodes", "-o", path]);
  return `http://${addresses.split(" ")[0] || "NODE"}:30080`;
}

/** The settings that the same setup's `--delete` needs. */
function flags({ cluster, context, name, namespace, image, skipBuild }: SetupSettings): string {
  return [
    ...(context === "" ? [] : [` --context ${context}`]),
    ...(cluster === "auto" ? [] : [` --cluster ${cluster}`]),
    ...(name === "evenkeel" ? [] : [` --name ${name}`]),
    ...(namespace === "default" ? [] : [` --namespace ${namespace}`]),
    ...(image === "" || skipBuild ? [] : [` --image ${image}`]),
  ].join("");
}
