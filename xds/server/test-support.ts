/** Shared by the tests of this folder: real messages in a store, and protocol states without a network. */
import { createHash } from "node:crypto";
import { Cluster, Cluster_DiscoveryType } from "../../proto/generated/envoy/config/cluster/v3/cluster.ts";
import { ClusterLoadAssignment } from "../../proto/generated/envoy/config/endpoint/v3/endpoint.ts";
import { Listener } from "../../proto/generated/envoy/config/listener/v3/listener.ts";
import { RouteConfiguration } from "../../proto/generated/envoy/config/route/v3/route.ts";
import { Any } from "../../proto/generated/google/protobuf/any.ts";
import { type EncodedResource, TYPE_URLS, type TypeUrl } from "../resources/resource.ts";
import type { ResourceStore } from "../resources/store.ts";

export const { cluster: CDS, endpoints: EDS, listener: LDS, route: RDS } = TYPE_URLS;

/** A valid resource whose bytes differ with `flavour`. */
export function resource(typeUrl: TypeUrl, name: string, flavour = "1"): EncodedResource {
  return encoded(typeUrl, name, bytesOf(typeUrl, name, flavour));
}

export function encoded(typeUrl: TypeUrl, name: string, value: Uint8Array): EncodedResource {
  const any = Any.encode({ typeUrl, value: Buffer.from(value) }).finish();
  return { typeUrl, name, version: createHash("sha256").update(any).digest("hex").slice(0, 16), any };
}

function bytesOf(typeUrl: TypeUrl, name: string, flavour: string): Uint8Array {
  switch (typeUrl) {
    case CDS:
      return Cluster.encode(
        Cluster.fromPartial({
          name,
          altStatName: flavour,
          clusterDiscoveryType: { $case: "type", type: Cluster_DiscoveryType.EDS },
        }),
      ).finish();
    case EDS:
      return ClusterLoadAssignment.encode(
        ClusterLoadAssignment.fromPartial({ clusterName: name, endpoints: [{ priority: Number(flavour) }] }),
      ).finish();
    case LDS:
      return Listener.encode(Listener.fromPartial({ name, statPrefix: flavour })).finish();
    default:
      return RouteConfiguration.encode(
        RouteConfiguration.fromPartial({ name, virtualHosts: [{ name: flavour, domains: ["*"] }] }),
      ).finish();
  }
}

/** Puts resources into a store, each `TYPE NAME FLAVOUR`. */
export function put(store: ResourceStore, ...resources: readonly (readonly [TypeUrl, string, string?])[]): void {
  store.apply({ upsert: resources.map((entry) => resource(...entry)), remove: [] });
}

export function drop(store: ResourceStore, ...names: readonly (readonly [TypeUrl, string])[]): void {
  store.apply({ upsert: [], remove: names.map(([typeUrl, name]) => ({ typeUrl, name })) });
}
