import { Rate, Trend } from "k6/metrics";

const ok = new Rate("request_ok");
const latency = new Trend("request_latency", true);

/** Counts one response. A failed one's time says nothing: a refused connection takes none. */
export function record(response) {
  const success = response.status === 200;
  ok.add(success);
  if (success) latency.add(response.timings.duration);
}
