/** `spec` of a coordination.k8s.io/v1 Lease. */
export interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

/** A lease as it was seen, and since when it looks like this, on our own clock. */
export interface LeaseView {
  readonly spec: LeaseSpec | undefined;
  /** ms on a clock that only goes forward. */
  readonly sinceMs: number;
}

/**
 * What is known of a lease. How old it is counts from when we saw it change, never from the times in it: the clocks of two
 * nodes may be minutes apart.
 */
export function observeLease(view: LeaseView | undefined, spec: LeaseSpec | undefined, nowMs: number): LeaseView {
  const same =
    view !== undefined &&
    view.spec?.holderIdentity === spec?.holderIdentity &&
    view.spec?.renewTime === spec?.renewTime &&
    view.spec?.leaseTransitions === spec?.leaseTransitions;
  return same ? view : { spec, sinceMs: nowMs };
}

/**
 * May the lease be taken?
 * @param ownDurationMs how long a lease lasts that does not say it itself
 */
export function stepOf(view: LeaseView, identity: string, ownDurationMs: number, nowMs: number): "take" | "wait" {
  const { spec, sinceMs } = view;
  const holder = spec?.holderIdentity ?? "";
  // Our own, of before a restart with the same name: nobody else may have it.
  if (holder === "" || holder === identity) return "take";
  const durationMs = spec?.leaseDurationSeconds === undefined ? ownDurationMs : spec.leaseDurationSeconds * 1000;
  return nowMs - sinceMs > durationMs ? "take" : "wait";
}
