import type { KubeClient } from "./client.ts";
import { hasCode } from "./failure.ts";
import type { KubeObject, ObjectMeta } from "./object.ts";
import { resourceOf, type Target } from "./resource-type.ts";

/** An object to be written: it names its kind. */
export interface Desired extends KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

export interface ApplyOptions {
  /** Who owns the fields; the same for every apply of one writer. */
  readonly fieldManager: string;
  /** Take fields from other owners (true), or fail with EK_KUBE_CONFLICT (false). */
  readonly force: boolean;
  /** e.g. `status`. */
  readonly subresource?: string;
}

/**
 * Server-side apply: creates the object, or makes the fields that it names so. Fields that an earlier apply of the same
 * manager named and this one does not are removed.
 * @returns the object as it now is
 * @throws EvenkeelError EK_KUBE_CONFLICT (fields of another owner, without `force`), EK_KUBE_REFUSED, EK_KUBE_…
 */
export function applyObject<T extends KubeObject>(
  client: KubeClient,
  object: Desired,
  { fieldManager, force, subresource }: ApplyOptions,
): Promise<T> {
  return client.json<T>({
    verb: "patch",
    target: { ...targetOf(object), subresource },
    query: { fieldManager, force: String(force) },
    // JSON is YAML, and the API server takes an apply in no other type.
    contentType: "application/apply-patch+yaml",
    body: object,
  });
}

/** @returns undefined when there is none. @throws EvenkeelError EK_KUBE_… */
export async function getObject<T extends KubeObject>(client: KubeClient, target: Target): Promise<T | undefined> {
  try {
    return await client.json<T>({ verb: "get", target });
  } catch (error) {
    if (hasCode(error, "EK_KUBE_NOT_FOUND")) return undefined;
    throw error;
  }
}

/**
 * Creates an object that must not be there yet.
 * @throws EvenkeelError EK_KUBE_CONFLICT when it is
 */
export function createObject<T extends KubeObject>(
  client: KubeClient,
  object: Desired,
  fieldManager: string,
): Promise<T> {
  const { resource, namespace } = targetOf(object);
  return client.json<T>({ verb: "create", target: { resource, namespace }, query: { fieldManager }, body: object });
}

/**
 * Writes an object that was read before; its `metadata.resourceVersion` guards against a change in between.
 * @throws EvenkeelError EK_KUBE_CONFLICT when it changed, EK_KUBE_NOT_FOUND
 */
export function replaceObject<T extends KubeObject>(
  client: KubeClient,
  object: Desired,
  fieldManager: string,
): Promise<T> {
  return client.json<T>({ verb: "update", target: targetOf(object), query: { fieldManager }, body: object });
}

/**
 * Changes fields by a JSON merge patch (RFC 7386): null removes one.
 * @throws EvenkeelError EK_KUBE_NOT_FOUND, EK_KUBE_CONFLICT when the patch names another resourceVersion
 */
export function mergePatch<T extends KubeObject>(
  client: KubeClient,
  target: Target,
  patch: object,
  fieldManager: string,
): Promise<T> {
  return client.json<T>({
    verb: "patch",
    target,
    query: { fieldManager },
    contentType: "application/merge-patch+json",
    body: patch,
  });
}

/** {@link mergePatch} of an object's status. */
export function patchStatus<T extends KubeObject>(
  client: KubeClient,
  target: Target,
  status: object,
  fieldManager: string,
): Promise<T> {
  return mergePatch<T>(client, { ...target, subresource: "status" }, { status }, fieldManager);
}

export interface DeleteOptions {
  /** Delete only this very object, not one of the same name that was made later. */
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagation?: "Background" | "Foreground" | "Orphan";
}

/**
 * Deletes an object; one that is not there is fine.
 * @returns whether there was one
 * @throws EvenkeelError EK_KUBE_CONFLICT when it is not the one of the options, EK_KUBE_…
 */
export async function deleteObject(client: KubeClient, target: Target, options: DeleteOptions = {}): Promise<boolean> {
  const { uid, resourceVersion, propagation = "Background" } = options;
  try {
    await client.json({
      verb: "delete",
      target,
      body: {
        apiVersion: "v1",
        kind: "DeleteOptions",
        propagationPolicy: propagation,
        preconditions: { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) },
      },
    });
    return true;
  } catch (error) {
    if (hasCode(error, "EK_KUBE_NOT_FOUND")) return false;
    throw error;
  }
}

/** Where an object lives. @throws Error for a kind that Evenkeel does not know */
export function targetOf(object: Desired): Target {
  const resource = resourceOf(object);
  return { resource, namespace: object.metadata.namespace, name: object.metadata.name };
}
