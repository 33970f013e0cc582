import { EvenkeelError } from "../common/errors.ts";
import { connectKubernetes } from "../common/kubernetes/client.ts";
import type { KubeAccess } from "../common/kubernetes/config.ts";
import type { Logger } from "../common/log.ts";
import type { Attach } from "./control-plane.ts";
import type { FleetSource } from "./fleet/fleet.ts";
import { followDemand } from "./fleet/kubernetes/follow-demand.ts";
import { kubernetesFleet } from "./fleet/kubernetes/kubernetes-fleet.ts";
import type { ServiceReference } from "./fleet/kubernetes/service-reference.ts";
import { staticKubernetesFleet } from "./fleet/kubernetes/static-fleet.ts";
import { watchKubernetes } from "./fleet/kubernetes/watches.ts";
import type { KubeletAccess } from "./signals/kubernetes/kubelet.ts";
import { type SignalChoice, startKubernetesSignals } from "./signals/kubernetes/signals.ts";
import type { PrometheusOptions } from "./signals/prometheus.ts";

export interface KubernetesSourceOptions extends KubeAccess {
  /** Empty: all. */
  readonly namespace: string;
  /** Clusters of their own name, by it. */
  readonly services: ReadonlyMap<string, ServiceReference>;
  /** A fleet file whose clusters may be of Kubernetes. Empty: Istio's clusters, as they are asked for. */
  readonly fleetFile: string;
  readonly signals: SignalChoice;
  readonly kubeletAccess: KubeletAccess;
  readonly prometheus: PrometheusOptions | undefined;
  readonly log: Logger;
}

/**
 * A control plane's inputs out of a cluster: the fleet, and the CPU figures that the cluster has by itself.
 * @throws EvenkeelError EK_KUBE_CONFIG, EK_SETTING_INVALID
 */
export function openKubernetes(options: KubernetesSourceOptions): { source: FleetSource; attach: Attach } {
  const { fleetFile, services, log } = options;
  if (fleetFile !== "" && services.size > 0)
    throw new EvenkeelError("EK_SETTING_INVALID", "--service and --fleet cannot be used together", {
      next: "name the Service in the fleet file: kubernetes: {namespace, service, port}",
    });
  const client = connectKubernetes(options);
  const namespace = options.namespace || undefined;
  // A fleet file's clusters are whole Services.
  const watches = watchKubernetes(client, { log, namespace, subsets: fleetFile === "" });
  const onDemand = fleetFile === "" ? kubernetesFleet({ watches, services }) : undefined;
  const fleet = onDemand ?? staticKubernetesFleet(fleetFile, { watches, log });
  const source: FleetSource = {
    current: () => fleet.current(),
    makes: (name) => fleet.makes?.(name) ?? false,
    fault: () => fleet.fault(),
    subscribe: (listener) => fleet.subscribe(listener),
    async close() {
      await fleet.close();
      await watches.close();
      client.close();
    },
  };
  return {
    source,
    attach({ demand, sink }) {
      const stopFollowing = onDemand === undefined ? undefined : followDemand(demand, onDemand);
      const signals = startKubernetesSignals({
        choice: options.signals,
        client,
        fleet,
        sink,
        watches,
        kubeletAccess: options.kubeletAccess,
        prometheus: options.prometheus,
        log,
      });
      return {
        sources: () => signals.sources(),
        async close() {
          stopFollowing?.();
          await signals.close();
        },
      };
    },
  };
}
