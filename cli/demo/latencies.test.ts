import { expect, test } from "vitest";
import { Latencies, spentOf } from "./latencies.ts";

test("reads what a worker has spent, or nothing when a figure is missing", () => {
  const metrics = "# HELP x\nworker_wait_seconds_sum 0.5\nworker_job_seconds_sum 1.5\nworker_job_seconds_count 4\n";
  expect(spentOf(metrics)).toEqual({ seconds: 2, uploads: 4 });
  expect(spentOf("worker_job_seconds_sum 1\n")).toBeUndefined();
});

test("tells the mean of the uploads that ended within the window", () => {
  const latencies = new Latencies(1000);
  const look = (atMs: number, seconds: number, uploads: number) =>
    latencies.add(atMs, new Map([["a", { seconds, uploads }]]));
  look(0, 10, 10);
  expect(latencies.means()).toEqual(new Map());
  look(500, 10.2, 12);
  expect(latencies.means().get("a")).toBeCloseTo(100);
  // What ended before the window counts no more.
  look(1600, 11.2, 14);
  expect(latencies.means().get("a")).toBeCloseTo(500);
  look(3000, 11.2, 14);
  expect(latencies.means()).toEqual(new Map());
});
