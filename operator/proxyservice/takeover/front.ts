import type { DesiredService, Service } from "../service.ts";
import type { Action } from "./observed.ts";
import { givenBack, originalOf, savedOriginal } from "./original.ts";

/** Gives a Service that was taken over back its own pods and ports. */
export function giveBack(front: Service): Action {
  return { do: "replace", object: named(givenBack(front, savedOriginal(front) ?? originalOf(front))) };
}

/** Objects of lists and watches do not say what they are. */
export function named(service: Service): DesiredService {
  return { ...service, apiVersion: "v1", kind: "Service" };
}
