import { expect, it } from "vitest";
import { type Finding, withoutSymptoms } from "./finding.ts";

const finding = (check: string, keys: Pick<Finding, "explains" | "symptomOf">): Finding => ({
  check,
  what: "",
  where: "",
  seen: "",
  mend: "",
  ...keys,
});

it("keeps the cause and drops its symptoms", () => {
  const cause = finding("image-pull", { explains: ["Deployment a/b"] });
  const symptom = finding("not-ready", { symptomOf: ["Deployment a/b"] });
  const other = finding("not-ready", { symptomOf: ["Deployment a/c"] });
  expect(withoutSymptoms([symptom, cause, other])).toEqual([cause, other]);
});

it("keeps symptoms of a chain out, and those without a cause in", () => {
  const root = finding("a", { explains: ["1"] });
  const middle = finding("b", { symptomOf: ["1"], explains: ["2"] });
  const last = finding("c", { symptomOf: ["2"] });
  expect(withoutSymptoms([root, middle, last])).toEqual([root]);
  expect(withoutSymptoms([middle, last])).toEqual([middle]);
  expect(withoutSymptoms([finding("a", { explains: ["1"], symptomOf: ["1"] })])).toHaveLength(1);
});
