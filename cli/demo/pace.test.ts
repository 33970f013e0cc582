import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { costOfUpload, uploadsPerSecond } from "./pace.ts";

const script = { type: "multipart/form-data; boundary=b", body: Buffer.from("--b--\r\n") };

async function doorThatAnswers(answers: readonly (readonly [delayMs: number, status: number, body: string])[]) {
  let asked = 0;
  const server = createServer((_, response) => {
    const [delayMs, status, body] = answers[Math.min(asked, answers.length - 1)] ?? [0, 500, ""];
    asked += 1;
    setTimeout(() => response.writeHead(status).end(body), delayMs);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked };
}

test.each([
  [0.1, 2, 5],
  [0.15, 2, 4],
  [0.3, 2, 2],
  [0.8, 2, 0.75],
  [0.8, 8, 3],
  [0.3, 1, 1],
])("uploads of %s s on %i CPUs: %s a second", (cost, cpus, expected) => {
  expect(uploadsPerSecond(cost, cpus)).toBeCloseTo(expected);
});

test("the cost is the middle latency, whatever the first upload took", async () => {
  const good = '{"returncode": 0}';
  const door = await doorThatAnswers([
    [600, 200, good],
    [60, 200, good],
  ]);
  const cost = await costOfUpload(door.url, script);
  expect(cost).toBeGreaterThanOrEqual(0.055);
  expect(cost).toBeLessThan(0.5);
  expect(door.asked()).toBe(5);
});

test("an upload that fails is told, and no other is sent", async () => {
  const door = await doorThatAnswers([[0, 503, "no worker"]]);
  await expect(costOfUpload(door.url, script)).rejects.toThrow("an upload failed: HTTP 503 no worker");
  expect(door.asked()).toBe(1);
});
