import type { Programs } from "../programs/programs.ts";
import type { Session } from "../session.ts";
import { startDns } from "./dns.ts";
import { startIstio } from "./istio.ts";
import { startKeda } from "./keda.ts";
import { preferLoadedImages } from "./loaded-images.ts";
import { startMetrics } from "./metrics.ts";
import { startPolicies } from "./policies.ts";

export const EXTRAS = ["istio", "metrics", "keda", "policies"] as const;
/** What can be started with the cluster. */
export type ExtraName = (typeof EXTRAS)[number];

const PROGRAMS: Readonly<Record<ExtraName, readonly string[]>> = {
  istio: ["pilot-discovery", "istioctl", "pilot-agent"],
  metrics: ["metrics-server"],
  keda: ["keda-operator", "keda-adapter"],
  policies: ["kube-network-policies"],
};

export function extraPrograms(extras: readonly ExtraName[]): string[] {
  return extras.flatMap((extra) => PROGRAMS[extra]);
}

const STARTERS = { istio: startIstio, metrics: startMetrics, keda: startKeda, policies: startPolicies } as const;

/** Starts them all at once; each is ready when this settles. DNS and the use of loaded images are always among them. */
export async function startExtras(session: Session, extras: readonly ExtraName[], programs: Programs): Promise<void> {
  await Promise.all([
    startDns(session, programs),
    preferLoadedImages(session),
    ...extras.map((extra) => STARTERS[extra](session, programs)),
  ]);
}
