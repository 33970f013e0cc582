import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import type { Kubectl } from "./kubectl.ts";

/** Repository's top folder: the manifests and the image's content are there. */
export const REPOSITORY = join(import.meta.dirname, "..", "..");

/** What marks an object as made by setup. `--delete` removes only what carries it. */
export const MARK = { key: "app.kubernetes.io/managed-by", value: "evenkeel-setup" } as const;

/** As much of an object as is needed here. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** What is in a folder of manifests, built by kubectl's kustomize. */
export async function buildManifests(kubectl: Kubectl, folder: string): Promise<KubeObject[]> {
  const text = await kubectl(["kustomize", join(REPOSITORY, "manifests", folder)]);
  return parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
}

/** The same objects with setup's mark. */
export function marked(objects: readonly KubeObject[]): KubeObject[] {
  return objects.map((object) => ({
    ...object,
    metadata: { ...object.metadata, labels: { ...object.metadata.labels, [MARK.key]: MARK.value } },
  }));
}

export function isMarked(object: KubeObject): boolean {
  return object.metadata.labels?.[MARK.key] === MARK.value;
}

/** Puts objects that say no namespace into one. */
export function inNamespace(objects: readonly KubeObject[], namespace: string): KubeObject[] {
  return objects.map((object) => ({ ...object, metadata: { ...object.metadata, namespace } }));
}

interface PodOwner extends KubeObject {
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { readonly image: string }[] } };
  };
}

/** Sets the image of every container of the Deployments. */
export function withImage(objects: readonly KubeObject[], image: string): KubeObject[] {
  return objects.map((object) => {
    if (object.kind !== "Deployment") return object;
    const { spec } = object as PodOwner;
    const containers = spec.template.spec.containers.map((container) => ({ ...container, image }));
    const template = { ...spec.template, spec: { ...spec.template.spec, containers } };
    return { ...object, spec: { ...spec, template } };
  });
}

/** As `kubectl apply -f -` reads them. */
export function toYaml(objects: readonly KubeObject[]): string {
  return objects.map((object) => stringify(object)).join("---\n");
}

/** For messages: `Deployment default/fastapi-app`. */
export function nameOf({ kind, metadata }: KubeObject): string {
  return `${kind} ${metadata.namespace === undefined ? "" : `${metadata.namespace}/`}${metadata.name}`;
}
