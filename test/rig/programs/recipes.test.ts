import { expect, test } from "vitest";
import { RECIPES, type Recipe, recipeOf, wrapperGoMod } from "./recipes.ts";

const recipe = (replaces: Recipe["replaces"]): Recipe => ({
  module: "example.org/thing",
  version: "v1.36.3",
  sum: "h1:x=",
  replaces,
  programs: {},
});

const OWN = `module example.org/thing

replace (
\tk8s.io/api => ./staging/src/k8s.io/api
\texample.org/a => example.org/b v1.2.3 // pinned
)

replace example.org/c => example.org/d v4.5.6
`;

test("a module without replaces is only required", () => {
  expect(wrapperGoMod(recipe("none"), OWN)).toBe(
    "module evenkeel.rig\n\ngo 1.26.0\n\nrequire example.org/thing v1.36.3\n\n",
  );
});

test("staging folders become the published modules of the same release", () => {
  expect(wrapperGoMod(recipe("staging"), OWN)).toContain("\nreplace k8s.io/api => k8s.io/api v0.36.3\n");
  expect(wrapperGoMod(recipe("staging"), OWN)).not.toContain("example.org/a");
});

test("own replaces are copied, without their comments", () => {
  const text = wrapperGoMod(recipe("own"), OWN);
  expect(text).toContain("replace example.org/a => example.org/b v1.2.3\n");
  expect(text).toContain("replace example.org/c => example.org/d v4.5.6\n");
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
