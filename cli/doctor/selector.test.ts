import { expect, it } from "vitest";
import { selects } from "./selector.ts";

it.each([
  [{}, {}, true],
  [{ matchLabels: { a: "1" } }, { a: "1", b: "2" }, true],
  [{ matchLabels: { a: "1" } }, { a: "2" }, false],
  [{ matchLabels: { a: "1" } }, undefined, false],
  [{ matchExpressions: [{ key: "a", operator: "In", values: ["1", "2"] }] }, { a: "2" }, true],
  [{ matchExpressions: [{ key: "a", operator: "In", values: ["1"] }] }, {}, false],
  [{ matchExpressions: [{ key: "a", operator: "NotIn", values: ["1"] }] }, {}, true],
  [{ matchExpressions: [{ key: "a", operator: "NotIn", values: ["1"] }] }, { a: "1" }, false],
  [{ matchExpressions: [{ key: "a", operator: "Exists" }] }, { a: "1" }, true],
  [{ matchExpressions: [{ key: "a", operator: "DoesNotExist" }] }, { a: "1" }, false],
])("%j and %j: %s", (selector, labels, expected) => {
  expect(selects(selector, labels)).toBe(expected);
});
