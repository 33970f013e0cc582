import { expect, test } from "vitest";
import { evenkeelImage, productionPaths } from "./evenkeel.ts";

test("production takes the packages that are not marked for development", () => {
  const packages = {
    "": {},
    "node_modules/pino": {},
    "node_modules/pino/node_modules/x": {},
    "node_modules/vitest": { dev: true },
    "node_modules/both": { devOptional: true },
  };
  expect(productionPaths({ packages })).toEqual(["node_modules/pino", "node_modules/pino/node_modules/x"]);
});

test("the image holds Node, the code and its packages, and no tests", async () => {
  const { layers } = await evenkeelImage();
  const paths = layers.flat().map((entry) => entry.path);
  expect(paths).toContain("/usr/local/bin/node");
  expect(paths).toContain("/app/common/errors.ts");
  expect(paths).toContain("/app/node_modules/pino/package.json");
  expect(paths.filter((path) => path.includes("vitest") || path.endsWith(".test.ts"))).toEqual([]);
}, 60_000);
