import type { FleetView } from "../../../xds/console/fleet-view.ts";
import { waitUntil } from "../../rig/ready.ts";
import { knownClients } from "./busy.ts";
import { consolePage, EVENKEEL, istioctl, type Mesh, podsOf, SHOP } from "./cluster.ts";

const GATEWAY = "spiffe://cluster.local/ns/shop/sa/ps-s0";
const CLUSTER = "outbound|80||sn0-ep.shop.svc.cluster.local";

interface ListedCluster {
  readonly name: string;
  readonly hostStatuses?: readonly {
    readonly address: { readonly socketAddress?: { readonly address: string } };
    readonly weight?: number;
  }[];
}

/** What istioctl shows of a gateway: our endpoints with our weights. And who the control plane knows its clients to be. */
export async function inspect(mesh: Mesh): Promise<string> {
  const { rig } = mesh;
  const [gateway] = await podsOf(rig, SHOP, "istio=ps-s0");
  const apps = await podsOf(rig, SHOP, "app=s0");
  const addresses = new Set(apps.map(({ status }) => status?.podIP));
  let weights: (number | undefined)[] = [];
  await waitUntil(
    "our endpoints in the gateway, with weights",
    async () => {
      const words = [
        "proxy-config",
        "endpoints",
        `${gateway?.metadata.name}.${SHOP}`,
        "--cluster",
        CLUSTER,
        "-o",
        "json",
      ];
      const listed = JSON.parse(await istioctl(rig, ...words)) as ListedCluster[];
      const hosts = listed.find(({ name }) => name === CLUSTER)?.hostStatuses ?? [];
      weights = hosts.map(({ weight }) => weight);
      const seen = hosts.map(({ address }) => address.socketAddress?.address);
      return seen.length === addresses.size && seen.every((each) => addresses.has(each)) && weights.every(isOurs);
    },
    { timeoutMs: 60_000, everyMs: 1000 },
  ).catch((error: Error) => {
    throw new Error(`${error.message}; weights ${weights.join(", ")}`);
  });
  const clients = await knownClients(mesh);
  if (!clients.has(GATEWAY))
    throw new Error(`the control plane's clients are ${[...clients].join(", ")}, not ${GATEWAY}`);
  const rate = await reportedRate(mesh);
  for (const namespace of [SHOP, EVENKEEL]) await analyse(mesh, namespace);
  return `weights ${weights.join(", ")} in the gateway, known as ${GATEWAY}, which reports ${rate.toFixed(0)} requests/s; istioctl analyze clean`;
}

/** Waits until the gateway has reported its load for a second. @returns requests/s that it sends to our endpoints */
async function reportedRate({ rig }: Mesh): Promise<number> {
  let rate = 0;
  const reported = async () => {
    const pods = await podsOf(rig, EVENKEEL, "app.kubernetes.io/name=evenkeel-control-plane");
    const fleets = await Promise.all(
      pods.map(({ status }) => consolePage<FleetView>(rig, status?.podIP ?? "", "fleet")),
    );
    const endpoints = fleets.flatMap(({ clusters }) => clusters).flatMap((cluster) => cluster.endpoints);
    rate = endpoints.reduce((sum, { load }) => sum + (load?.requestsPerSecond ?? 0), 0);
    return rate > 1;
  };
  await waitUntil("the gateway's load reports", reported, { timeoutMs: 30_000, everyMs: 1000 });
  return rate;
}

/** @throws Error with what istioctl finds in a namespace, hints too */
async function analyse({ rig }: Mesh, namespace: string): Promise<void> {
  const found = await istioctl(rig, "analyze", "--namespace", namespace, "--output", "json");
  const messages = JSON.parse(found) as { readonly code: string; readonly message: string; readonly origin?: string }[];
  const told = messages.map(({ code, message, origin }) => `${code} ${origin}: ${message}`);
  if (told.length > 0) throw new Error(`istioctl analyze of ${namespace}: ${told.join("; ")}`);
}

/** istiod gives every endpoint weight 1 and we never do: a pod of average speed has more. */
const isOurs = (weight: number | undefined): boolean => weight !== undefined && weight > 1;
