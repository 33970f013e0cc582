import type { Desired } from "../../../common/kubernetes/apply.ts";
import type { ObjectMeta } from "../../../common/kubernetes/object.ts";
import { apiVersionOf, type ResourceType } from "../../../common/kubernetes/resource-type.ts";
import { OWNER_LABEL } from "../names.ts";
import type { Settled } from "../resource.ts";

/** Any object of the API, with whatever its kind holds. */
export type DesiredObject = Desired & { readonly [field: string]: unknown };

/** Starts an object of the operator's: its kind, name, namespace and labels. */
export function objectOf(
  resource: ResourceType,
  { name: owner, namespace }: Settled,
  name: string,
  extra: { readonly labels?: ObjectMeta["labels"]; readonly annotations?: Readonly<Record<string, string>> } = {},
): DesiredObject {
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: {
      name,
      namespace,
      labels: { "app.kubernetes.io/managed-by": "evenkeel", [OWNER_LABEL]: owner, ...extra.labels },
      ...(extra.annotations === undefined ? {} : { annotations: extra.annotations }),
    },
  };
}
