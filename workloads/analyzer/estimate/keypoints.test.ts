import { describe, expect, test } from "vitest";
import { judgeKeypoints, type Keypoint } from "./keypoints.ts";

/** 17 keypoints, those named seen at their places. */
function person(parts: {
  shoulders?: [number, number];
  hips?: [number, number];
  knees?: [number, number];
}): Keypoint[] {
  const points: Keypoint[] = Array.from({ length: 17 }, () => ({ x: 0, y: 0, score: 0 }));
  const put = (at: readonly number[], place: [number, number] | undefined) => {
    if (place !== undefined) for (const index of at) points[index] = { x: place[0], y: place[1], score: 0.8 };
  };
  put([5, 6], parts.shoulders);
  put([11, 12], parts.hips);
  put([13, 14], parts.knees);
  return points;
}

describe("judgeKeypoints", () => {
  test.each([
    ["upright", { shoulders: [0.5, 0.2], hips: [0.5, 0.5], knees: [0.5, 0.7] }],
    ["leaning", { shoulders: [0.3, 0.2], hips: [0.5, 0.5], knees: [0.5, 0.7] }],
    ["sitting", { shoulders: [0.5, 0.2], hips: [0.5, 0.5], knees: [0.7, 0.52] }],
    ["lying", { shoulders: [0.2, 0.5], hips: [0.5, 0.52], knees: [0.7, 0.5] }],
  ] as const)("tells one who is %s", (posture, parts) => {
    const estimate = judgeKeypoints(person(structuredClone(parts) as Parameters<typeof person>[0]), 1);
    expect(estimate).toMatchObject({ posture, confidence: 0.8 });
    expect(estimate.marks.length).toBeGreaterThan(0);
  });

  test("is only half as sure without knees, and not at all without hips", () => {
    const half = judgeKeypoints(person({ shoulders: [0.5, 0.2], hips: [0.5, 0.5] }), 1);
    expect(half).toMatchObject({ posture: "upright", confidence: 0.4 });
    expect(judgeKeypoints(person({ shoulders: [0.5, 0.2] }), 1)).toMatchObject({ posture: "unknown", confidence: 0 });
  });

  test("an angle counts the image's own width and height", () => {
    const parts = person({ shoulders: [0.4, 0.2], hips: [0.5, 0.5], knees: [0.5, 0.7] });
    expect(judgeKeypoints(parts, 1).posture).toBe("upright");
    expect(judgeKeypoints(parts, 3).posture).toBe("leaning");
  });
});
