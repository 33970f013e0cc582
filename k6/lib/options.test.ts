import { expect, test } from "vitest";
import { loadOptions, timeoutOf } from "./options.js";

test("without a rate the model is closed: so many requests, so many at once", () => {
  const { scenarios, thresholds } = loadOptions({ TOTAL: "1000", CONCURRENT: "20", TIMEOUT: "5000ms" });
  expect(scenarios.load).toMatchObject({ executor: "shared-iterations", iterations: 1000, vus: 20 });
  expect(scenarios.load.gracefulStop).toBe("5000ms");
  expect(thresholds).toEqual({ request_ok: ["rate==1"], iterations: ["count>=1000"] });
});

test("never has more users than requests", () => {
  expect(loadOptions({ TOTAL: "3", CONCURRENT: "20" }).scenarios.load.vus).toBe(3);
});

test("with a rate the model is open, and a request that was not sent is a failure", () => {
  const { scenarios, thresholds } = loadOptions({ RATE: "50", DURATION: "2000ms", CONCURRENT: "4" });
  expect(scenarios.load).toMatchObject({
    executor: "constant-arrival-rate",
    rate: 50,
    timeUnit: "1s",
    duration: "2000ms",
    preAllocatedVUs: 4,
    maxVUs: 200,
  });
  expect(thresholds).toEqual({ request_ok: ["rate==1"], dropped_iterations: ["count==0"] });
  expect(loadOptions({ RATE: "50", CONCURRENT: "6000" }).scenarios.load.maxVUs).toBe(6000);
});

test("a redirect is an answer, not something to follow", () => {
  expect(loadOptions({}).maxRedirects).toBe(0);
});

test("has defaults, and refuses what is no number", () => {
  expect(timeoutOf({})).toBe("220s");
  expect(loadOptions({}).scenarios.load).toMatchObject({ iterations: 100, vus: 10 });
  expect(() => loadOptions({ TOTAL: "many" })).toThrow("TOTAL=many is not a whole number");
  expect(() => loadOptions({ RATE: "0" })).toThrow("RATE=0 is not a whole number of at least 1");
});
