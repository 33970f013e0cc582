import { defineConfig } from "vitest/config";

const EXCLUDE = ["node_modules/**", "results/**"];

export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 120_000,
    // Real programs on two cores that others share: one that was starved may be tried once more. The reporter names it.
    retry: 1,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["**/*.test.ts"],
          exclude: [...EXCLUDE, "test/e2e/**"],
          // One more than the two cores: tests of real programs wait for a third of their time (460 s with two, 362 s with three).
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "whole",
          include: ["test/e2e/**/*.test.ts"],
          exclude: EXCLUDE,
          // What looks at live CPU needs the machine for itself: one file at a time, after all others.
          fileParallelism: false,
          retry: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
