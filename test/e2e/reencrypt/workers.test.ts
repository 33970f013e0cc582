import { expect, it } from "vitest";
import { median } from "../../../common/median.ts";
import { drawWorker, knownIn } from "./known.ts";
import { requireAll } from "./uploads.ts";
import { sharesBetween, uploadsIn } from "./workers.ts";

it("counts the uploads that a worker was given", () => {
  const metrics = [
    "# HELP worker_jobs_total Accepted uploads by how they ended.",
    'worker_jobs_total{outcome="ok"} 40',
    'worker_jobs_total{outcome="failed"} 2',
    'worker_rejected_total{reason="draining"} 7',
    "worker_jobs_running 1",
    "worker_jobs_queued 3",
    "worker_wait_seconds_count 42",
  ].join("\n");
  expect(uploadsIn(metrics)).toBe(46);
});

it("tells shares between two looks", () => {
  const before = new Map([
    ["a", 10],
    ["b", 0],
  ]);
  const after = new Map([
    ["a", 13],
    ["b", 5],
    ["c", 2],
  ]);
  const { shares, uploads } = sharesBetween(before, after);
  expect(uploads).toBe(10);
  expect([...shares.values()]).toEqual([0.3, 0.5, 0.2]);
  expect(sharesBetween(after, after).shares.get("a")).toBe(0);
});

it("tells of lost uploads, and of none", () => {
  const good = { at: 1, ms: 100, status: 200, ok: true };
  expect(() => requireAll([good])).not.toThrow();
  expect(() => requireAll([good, { at: 2.04, ms: 10, status: 502, ok: false, text: "gone" }])).toThrow(
    "1 of 2 uploads were lost: at 2.0 s after 10 ms: 502 gone",
  );
});

it("finds the median", () => {
  expect(median([9, 1, 5])).toBe(5);
  expect(median([])).toBeNaN();
});

it("draws what the control plane knows of a worker", () => {
  const endpoint = (key: string, weight: number, utilisation: number) => ({ key, weight, cpu: { utilisation } });
  const page = (...endpoints: ReturnType<typeof endpoint>[]) => ({ clusters: [{ endpoints }] });
  const looks = [
    { at: 1, workers: knownIn(page(endpoint("10.0.0.1:80", 100, 0.2), endpoint("10.0.0.2:80", 100, 0.4))) },
    { at: 2, workers: knownIn(page(endpoint("10.0.0.1:80", 25, 1), endpoint("10.0.0.2:80", 75, 0.4))) },
    { at: 3, workers: knownIn({ clusters: [] }) },
  ];
  expect(drawWorker(looks, "10.0.0.1").split("\n").slice(1)).toEqual([
    `    1      20 %      50 %      40 %  ${"#".repeat(30)}`,
    `    2     100 %      25 %      40 %  ${"#".repeat(15)}`,
  ]);
});
