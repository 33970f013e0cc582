import { createObject } from "./apply.ts";
import type { KubeClient } from "./client.ts";
import type { KubeObject } from "./object.ts";

/** Something that happened to an object, for `kubectl describe`. */
export interface KubeEvent {
  readonly type: "Normal" | "Warning";
  /** One word in CamelCase, e.g. `ServiceTaken`. */
  readonly reason: string;
  /** What the reporter did, in CamelCase, e.g. `Reconcile`. */
  readonly action: string;
  /** For a person; at most 1 KiB is kept. */
  readonly note: string;
}

/** The API refuses a longer note, in bytes. */
const MAX_NOTE = 1024;

/**
 * Records an event (events.k8s.io/v1) beside the object that it is about.
 * @param reporter e.g. `evenkeel.io/operator`, and the pod's name as its instance
 * @throws EvenkeelError EK_KUBE_…; events are worth no retry
 */
export async function recordEvent(
  client: KubeClient,
  about: Required<Pick<KubeObject, "apiVersion" | "kind">> & KubeObject,
  event: KubeEvent,
  reporter: { readonly controller: string; readonly instance: string },
): Promise<void> {
  const { metadata } = about;
  // Events of objects without a namespace live in default.
  const namespace = metadata.namespace ?? "default";
  const unique = `${Date.now().toString(16)}${Math.floor(Math.random() * 2 ** 20).toString(16)}`;
  const object = {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { name: `${metadata.name.slice(0, 200)}.${unique}`, namespace },
    // The API wants microseconds.
    eventTime: `${new Date().toISOString().slice(0, -1)}000Z`,
    reportingController: reporter.controller,
    reportingInstance: reporter.instance.slice(0, 128),
    action: event.action,
    reason: event.reason,
    type: event.type,
    note: truncated(event.note, MAX_NOTE),
    regarding: {
      apiVersion: about.apiVersion,
      kind: about.kind,
      name: metadata.name,
      namespace: metadata.namespace,
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
    },
  };
  await createObject(client, object, reporter.controller);
}

function truncated(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  return `${Buffer.from(text)
    .subarray(0, bytes - 4)
    .toString("utf8")
    .replace(/\uFFFD+$/, "")}…`;
}
