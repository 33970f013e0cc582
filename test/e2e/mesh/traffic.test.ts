import { expect, it } from "vitest";
import { sharesOf } from "./traffic.ts";

it("counts who answered requests of a time, through a gateway", () => {
  const answer = (at: number, pod: string, gateway = true) => ({ at, ms: 1, keep: false, pod, gateway });
  const answers = [
    answer(0, "a"),
    answer(10, "a"),
    answer(11, "b"),
    answer(12, "b", false),
    answer(13, "b"),
    answer(14, "b"),
    { at: 15, ms: 1, keep: false, failed: "503" },
    answer(20, "a"),
  ];
  expect(sharesOf(answers, 10, 20)).toEqual(
    new Map([
      ["a", 0.25],
      ["b", 0.75],
    ]),
  );
  expect(sharesOf(answers, 100, 200).size).toBe(0);
});
