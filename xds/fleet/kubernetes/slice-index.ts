import { objectKey } from "../../../common/kubernetes/object.ts";
import { type EndpointSlice, serviceOfSlice } from "./objects.ts";

/** EndpointSlices by their Service. */
export class SliceIndex {
  readonly #byService = new Map<string, Map<string, EndpointSlice>>();
  /** Where each slice is filed. */
  readonly #serviceOf = new Map<string, string>();

  put(slice: EndpointSlice): void {
    this.remove(slice);
    const service = serviceOfSlice(slice);
    if (service === undefined) return;
    const slices = this.#byService.get(service) ?? new Map<string, EndpointSlice>();
    this.#byService.set(service, slices);
    slices.set(objectKey(slice.metadata), slice);
    this.#serviceOf.set(objectKey(slice.metadata), service);
  }

  remove(slice: EndpointSlice): void {
    const key = objectKey(slice.metadata);
    const service = this.#serviceOf.get(key);
    if (service === undefined) return;
    this.#serviceOf.delete(key);
    const slices = this.#byService.get(service);
    slices?.delete(key);
    if (slices?.size === 0) this.#byService.delete(service);
  }

  /** @param service `NAMESPACE/NAME` */
  of(service: string): readonly EndpointSlice[] {
    return [...(this.#byService.get(service)?.values() ?? [])];
  }
}
