import type { Condition, Container, ContainerStatus, Pod, PodSpec } from "./objects.ts";

/** Why a container waits, as the kubelet says it. */
export interface Waiting {
  readonly container: string;
  readonly image: string;
  readonly reason: string;
  readonly message: string;
}

const IMAGE_REASONS = new Set([
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ErrImageNeverPull",
  "ImageInspectError",
  "RegistryUnavailable",
]);
const START_REASONS = new Set([
  "CrashLoopBackOff",
  "CreateContainerConfigError",
  "CreateContainerError",
  "RunContainerError",
]);

/** Containers whose image cannot be had. */
export const imageFaults = (pod: Pod): readonly Waiting[] => waitingFor(pod, IMAGE_REASONS);
/** Containers that do not start, or end again and again. */
export const startFaults = (pod: Pod): readonly Waiting[] => waitingFor(pod, START_REASONS);

/** Of all of a pod's containers. */
export function containerStatuses({ status }: Pod): readonly ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

/** Containers that run side by side: init containers that restart always are among them. */
export function runningContainers(spec: PodSpec | undefined): readonly Container[] {
  const beside = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  return [...beside, ...(spec?.containers ?? [])];
}

export function conditionOf(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function isReady({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined && conditionOf(status?.conditions, "Ready")?.status === "True";
}

/** Is the pod there to stay: neither ending nor done? */
export function isLive({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp === undefined && status?.phase !== "Succeeded" && status?.phase !== "Failed";
}

/** How long the pod has been ready, in ms; undefined when it is not. */
export function readyForMs(pod: Pod, nowMs: number): number | undefined {
  const since = conditionOf(pod.status?.conditions, "Ready")?.lastTransitionTime;
  return isReady(pod) && since !== undefined ? nowMs - Date.parse(since) : undefined;
}

function waitingFor(pod: Pod, reasons: ReadonlySet<string>): readonly Waiting[] {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  return containerStatuses(pod).flatMap(({ name, state }) => {
    const { reason, message = "" } = state?.waiting ?? {};
    if (reason === undefined || !reasons.has(reason)) return [];
    const image = containers.find((container) => container.name === name)?.image ?? "";
    return [{ container: name, image, reason, message }];
  });
}
