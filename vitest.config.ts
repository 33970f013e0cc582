import { defineConfig } from "vitest/config";

const EXCLUDE = ["node_modules/**", "results/**"];
/** What looks at live CPU, or counts what the machine has, needs the machine for itself: one file at a time, after all others. */
const ALONE = ["demo", "faults", "mesh", "rig"].map((name) => `test/e2e/${name}.test.ts`);

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
          name: "together",
          include: ["**/*.test.ts"],
          exclude: [...EXCLUDE, ...ALONE],
          // One more than the two cores: tests of real programs wait for a third of their time. Four are 50 s faster, and starve some.
          maxWorkers: 3,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "alone",
          include: ALONE,
          exclude: EXCLUDE,
          fileParallelism: false,
          retry: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
