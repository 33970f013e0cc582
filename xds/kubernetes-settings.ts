import { EvenkeelError } from "../common/errors.ts";
import type { Values } from "../common/settings.ts";
import type { kubernetesFleetSettings } from "./fleet/kubernetes/settings.ts";
import type { signalSettings } from "./signals/kubernetes/settings.ts";

type KubernetesSettings = Pick<Values<typeof kubernetesFleetSettings>, "kubernetes" | "services"> &
  Pick<Values<typeof signalSettings>, "signals" | "prometheusUrl">;

/** Refuses settings that would be passed over without a word. @throws EvenkeelError EK_SETTING_INVALID */
export function checkKubernetes({ kubernetes, services, signals, prometheusUrl }: KubernetesSettings): void {
  const ofCluster = {
    "--service": services.size > 0,
    // Agents are listened to with any fleet.
    "--signals": signals !== "auto" && signals !== "agent",
  };
  const given = Object.entries(ofCluster).flatMap(([flag, isGiven]) => (isGiven ? [flag] : []));
  if (!kubernetes && given.length > 0)
    throw new EvenkeelError("EK_SETTING_INVALID", `without --kubernetes nobody looks at ${given.join(", ")}`, {
      next: "add --kubernetes, or leave that out",
    });
  if (signals === "prometheus" && prometheusUrl === "")
    throw new EvenkeelError("EK_SETTING_INVALID", "the CPU figures are to come from Prometheus, and none is named", {
      where: "--signals",
      next: "give --prometheus-url (PROM_URL), e.g. http://prometheus.monitoring:9090, or another source",
    });
}
