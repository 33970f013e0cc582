import type { Workload } from "./installation.ts";
import type { EnvoyFilter } from "./objects.ts";
import { hasLabels } from "./selector.ts";

/** An EnvoyFilter that has gateways ask a control plane of ours for a cluster's endpoints. */
export interface HandOver {
  /** `NAMESPACE/NAME` of the EnvoyFilter. */
  readonly filter: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** The cluster of Envoy's bootstrap that leads to the control plane. */
  readonly xdsCluster: string;
  /** The Service's host and port that the patch is for; undefined: whichever it has. */
  readonly host: string | undefined;
  readonly port: number | undefined;
}

export function handOversOf(filters: readonly EnvoyFilter[]): readonly HandOver[] {
  return filters.flatMap(({ metadata, spec }) =>
    (spec?.configPatches ?? []).flatMap(({ applyTo, match, patch }) => {
      const xdsCluster = applyTo === "CLUSTER" ? edsSource(patch?.value) : undefined;
      if (xdsCluster === undefined) return [];
      const namespace = metadata.namespace ?? "default";
      return [
        {
          filter: `${namespace}/${metadata.name}`,
          namespace,
          labels: spec?.workloadSelector?.labels ?? {},
          xdsCluster,
          host: match?.cluster?.service,
          port: match?.cluster?.portNumber,
        },
      ];
    }),
  );
}

/** The workloads with pods that an EnvoyFilter is for. */
export function gatewaysOf({ namespace, labels }: HandOver, workloads: readonly Workload[]): readonly Workload[] {
  return workloads.filter(
    (workload) =>
      workload.namespace === namespace &&
      (workload.pods.some(({ metadata }) => hasLabels(labels, metadata.labels)) ||
        (workload.controller !== undefined && hasLabels(labels, workload.controller.spec?.template?.metadata?.labels))),
  );
}

/** `eds_cluster_config.eds_config.api_config_source.grpc_services[].envoy_grpc.cluster_name`, in either spelling. */
function edsSource(value: unknown): string | undefined {
  const source = at(at(at(value, "eds_cluster_config"), "eds_config"), "api_config_source");
  const services = at(source, "grpc_services");
  const name = Array.isArray(services) ? at(at(services[0], "envoy_grpc"), "cluster_name") : undefined;
  return typeof name === "string" ? name : undefined;
}

/** A field of JSON that protobuf made, or may have made in camel case. */
function at(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  const camel = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return Reflect.get(value, name) ?? Reflect.get(value, camel);
}
