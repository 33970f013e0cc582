import { expect, it } from "vitest";
import { sumOf } from "./prometheus-text.ts";

const TEXT = `# HELP worker_rejected_total Uploads that were not run.
worker_rejected_total{reason="queue-full"} 3
worker_rejected_total{reason="draining",pod="a"} 4
worker_jobs_queued 12
process_max_fds 1.048576e+06
`;

it.each([
  ["worker_rejected_total", {}, 7],
  ["worker_rejected_total", { reason: "queue-full" }, 3],
  ["worker_rejected_total", { reason: "other" }, undefined],
  ["worker_jobs_queued", {}, 12],
  ["process_max_fds", {}, 1_048_576],
  ["worker_jobs", {}, undefined],
])("%s %j is %s", (name, labels, expected) => {
  expect(sumOf(TEXT, name, labels)).toBe(expected);
});
