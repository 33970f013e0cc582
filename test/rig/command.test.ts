import { expect, test } from "vitest";
import { parseExtras, splitWords, verbOf } from "./command.ts";

test.each([
  [["kubectl", "get", "pods", "--name", "x"], ["kubectl"], ["get", "pods", "--name", "x"]],
  [
    ["--name", "two", "exec", "--", "ls", "-l"],
    ["--name", "two", "exec"],
    ["ls", "-l"],
  ],
  [["--name", "exec", "status"], ["--name", "exec", "status"], []],
  [
    ["--name=two", "kubectl", "exec", "x"],
    ["--name=two", "kubectl"],
    ["exec", "x"],
  ],
  [["up", "--with", "keda"], ["up", "--with", "keda"], []],
])("%j is split before another program's words", (words, own, passedOn) => {
  expect(splitWords(words)).toEqual({ own, passedOn });
});

test("extras are a list, or none", () => {
  expect(parseExtras("istio, keda")).toEqual(["istio", "keda"]);
  expect(parseExtras("none")).toEqual([]);
  expect(() => parseExtras("istio,linkerd")).toThrow("is not one of istio, metrics, keda, policies");
});

test("a verb is needed, and one that is known", () => {
  expect(verbOf(["load", "x.tar"])).toEqual({ verb: "load", words: ["x.tar"] });
  expect(() => verbOf([])).toThrow("no verb was given");
  expect(() => verbOf(["start"])).toThrow('"start" is not a verb');
});
