/**
 * The statuses that HTTP knows (IANA's registry). k6 wants every metric made before the load begins: there is one
 * counter for each, one for "no answer", one for all others.
 */
export const STATUSES = [
  200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308, 400, 401, 402, 403, 404,
  405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 423, 424, 425, 426, 428, 429, 431, 451,
  500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511,
].map(String);

/** What stands for a status: itself, `none` when no answer came, `other` when it is not registered. */
export function statusName(status) {
  if (status === 0) return "none";
  const name = String(status);
  return STATUSES.includes(name) ? name : "other";
}

/** All names that {@link statusName} gives. */
export const STATUS_NAMES = [...STATUSES, "other", "none"];

/** The counter of one status name, e.g. `status_503`. */
export const statusMetric = (name) => `status_${name}`;
