/** What stands for a status: itself, `none` when no answer came (0), `other` when it is not registered. */
export function statusName(status: number): string;

/** All names that {@link statusName} gives, in the order in which they are told. */
export const STATUS_NAMES: readonly string[];

/** The counter of one status name, e.g. `status_503`. */
export function statusMetric(name: string): string;
