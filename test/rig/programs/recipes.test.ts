import { expect, test } from "vitest";
import { RECIPES, recipeOf, replaceLines } from "./recipes.ts";

const OWN = `module example.org/thing

replace (
\tk8s.io/api => ./staging/src/k8s.io/api
\texample.org/a => example.org/b v1.2.3 // pinned
)

replace example.org/c => example.org/d v4.5.6
`;

test("a module without replaces gets none", () => {
  expect(replaceLines({ replaces: "none", version: "v1.36.3" }, OWN)).toEqual([]);
});

test("staging folders become the published modules of the same release", () => {
  expect(replaceLines({ replaces: "staging", version: "v1.36.3" }, OWN)).toEqual(["k8s.io/api => k8s.io/api v0.36.3"]);
});

test("own replaces are copied, without their comments", () => {
  expect(replaceLines({ replaces: "own", version: "v1.36.3" }, OWN).slice(1)).toEqual([
    "example.org/a => example.org/b v1.2.3",
    "example.org/c => example.org/d v4.5.6",
  ]);
});

test("each program has one recipe, and each recipe a version and a hash", () => {
  const names = RECIPES.flatMap((each) => Object.keys(each.programs));
  expect(new Set(names).size).toBe(names.length);
  for (const each of RECIPES) {
    expect(each.version).toMatch(/^v\d/);
    expect(each.sum).toMatch(/^h1:.{43}=$/);
  }
  expect(recipeOf("kubelet")?.module).toBe("k8s.io/kubernetes");
  expect(recipeOf("nothing")).toBeUndefined();
});
