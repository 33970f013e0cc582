import { Counter, Rate, Trend } from "k6/metrics";
import { STATUS_NAMES, statusMetric, statusName } from "./statuses.js";

const ok = new Rate("request_ok");
const latency = new Trend("request_latency", true);
const statuses = new Map(STATUS_NAMES.map((name) => [name, new Counter(statusMetric(name))]));

/** Counts one response. A failed one's time says nothing: a refused connection takes none. */
export function record(response, accepted = [200]) {
  const success = accepted.includes(response.status);
  ok.add(success);
  statuses.get(statusName(response.status)).add(1);
  if (success) latency.add(response.timings.duration);
}
