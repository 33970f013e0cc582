import { expect, it } from "vitest";
import { testServer } from "../../common/program/testing.ts";
import { controllerCapacity } from "./capacity.ts";
import { jobsOf } from "./cluster.ts";
import { node } from "./test-support.ts";

const RULES = { threshold: 0.7, maxAgeMs: 60_000 };
const view = { available: 1, nodes: [node("a", 1)], unplaced: 0, running: [] };

it("asks the controller once for all who ask", async () => {
  let asked = 0;
  const url = await testServer((request, response) => {
    asked += 1;
    expect(request.url).toBe("/nodes");
    response.end(JSON.stringify(view));
  });
  // The clock stands still: one answer serves all.
  const capacity = controllerCapacity(`${url}/`, RULES, 20_000, () => 0);
  await Promise.all(Array.from({ length: 20 }, () => capacity.look()));
  expect(await capacity.look()).toEqual(view);
  expect(asked).toBe(1);
});

it("figures of the controller grow old on the way", async () => {
  const url = await testServer((_, response) => void response.end(JSON.stringify(view)));
  // Each look at the clock is half a minute later.
  let nowMs = 0;
  const capacity = controllerCapacity(url, RULES, 20_000, () => {
    nowMs += 35_000;
    return nowMs;
  });
  const { nodes, available } = await capacity.look();
  expect(nodes[0]).toMatchObject({ state: "stale", why: expect.stringMatching(/\d+ s old/) });
  expect(available).toBe(0);
});

it.each([
  ["HTTP 503: the cluster is not read yet", 503, "the cluster is not read yet"],
  ["its answer is not what /nodes gives", 200, '{"nodes":[{"name":1}],"unplaced":0,"running":[]}'],
  ["its answer is not what /nodes gives", 200, '{"nodes":[{"name":"a","state":"busy"}],"unplaced":0,"running":[]}'],
  [
    "its answer is not what /nodes gives",
    200,
    '{"nodes":[{"name":"a","state":"busy","cpu":{"utilisation":"0.9","ageMs":0}}],"unplaced":0,"running":[]}',
  ],
  ["its answer is not what /nodes gives", 200, "null"],
  ["not valid JSON", 200, "<html>"],
])("a controller that fails is told of: %s", async (message, code, body) => {
  const url = await testServer((_, response) => void response.writeHead(code).end(body));
  await expect(controllerCapacity(url, RULES, 20_000).look()).rejects.toMatchObject({
    code: "EK_FIGURE_STALE",
    message: expect.stringContaining(message),
    where: `${url}/nodes`,
  });
});

it("a silent controller is given up, one that is away is told of", async () => {
  const silent = await testServer(() => undefined);
  await expect(controllerCapacity(silent, RULES, 50).look()).rejects.toMatchObject({ code: "EK_TIMEOUT" });
  await expect(controllerCapacity("http://127.0.0.1:1", RULES, 20_000).look()).rejects.toMatchObject({
    code: "EK_FIGURE_STALE",
  });
});

it("knows the analysers' pods: where they are, whose they are, and that ended ones are none", () => {
  const pod = (name: string, phase: string, nodeName?: string, job = name) => ({
    metadata: { name, namespace: "posture", labels: { "scaledjob.keda.sh/name": job } },
    spec: nodeName === undefined ? {} : { nodeName },
    status: { phase },
  });
  const jobs = jobsOf([
    pod("one", "Running", "a"),
    pod("two", "Pending", "a"),
    pod("three", "Pending"),
    pod("four", "Succeeded", "b"),
    pod("five", "Failed", "b"),
    { metadata: { name: "by-hand", namespace: "posture" } },
  ]);
  expect(jobs.byNode).toEqual(new Map([["a", ["one", "two"]]]));
  expect(jobs.unplaced).toBe(2);
  expect([...jobs.running]).toEqual(["posture/one", "posture/two", "posture/three"]);
});
