import { expect, it } from "vitest";
import { orderOf, parseTrigger } from "./trigger.ts";

const DEFAULTS = { metricName: "available_node_count_30s", threshold: 0.7 };
const parse = (scalerMetadata: Record<string, string>, name = "posture-analyzer-job-3", namespace = "posture") =>
  parseTrigger({ name, namespace, scalerMetadata }, DEFAULTS);

it("reads what INTERFACES has, with defaults", () => {
  const metadata = { scalerAddress: "posture-external-scaler.posture.svc.cluster.local:8080" };
  expect(parse({ ...metadata, metricName: "available_node_count_30s" })).toEqual({
    key: "posture/posture-analyzer-job-3",
    name: "posture-analyzer-job-3",
    metricName: "available_node_count_30s",
    threshold: 0.7,
    clientId: "posture-analyzer-job-3",
    topic: undefined,
  });
  expect(parse({ cpuThreshold: "0.5", mqttClientId: "cam", mqttTopic: "images/3/#" })).toMatchObject({
    threshold: 0.5,
    clientId: "cam",
    topic: "images/3/#",
  });
  expect(parse({ threshold: ".25" }).threshold).toBe(0.25);
});

it.each<[Record<string, string>, RegExp]>([
  [{ cpuThreshold: "NaN" }, /cpuThreshold "NaN" is not a share/],
  [{ cpuThreshold: "" }, /cpuThreshold "" is not a share/],
  [{ threshold: "70" }, /threshold "70" is not a share/],
  [{ threshold: "-0.5" }, /is not a share/],
  [{ threshold: "0" }, /is not a share/],
  [{ threshold: "1e-1" }, /is not a share/],
  [{ threshold: "Infinity" }, /is not a share/],
  [{ threshold: "0.5", cpuThreshold: "0.6" }, /are the same: give one/],
  [{ metricName: "" }, /metricName is empty/],
  [{ metricName: "cpu" }, /metricName "cpu" is unknown \(there is available_node_count_30s\)/],
  [{ mqttClientId: "" }, /mqttClientId "" is empty/],
  [{ mqttClientId: "a b" }, /mqttClientId "a b"/],
  [{ mqttTopic: "" }, /mqttTopic ""/],
  [{ mqttTopic: "images/#/a" }, /mqttTopic "images\/#\/a" is not a topic/],
  [{ mqttTopic: "images+" }, /is not a topic/],
  [{ cpuTreshold: "0.5" }, /there is no key "cpuTreshold" \(there are metricName/],
])("names the fault of %j", (metadata, message) => {
  expect(() => parse(metadata)).toThrow(
    expect.objectContaining({ code: "EK_TRIGGER_INVALID", message: expect.stringMatching(message) }),
  );
});

it("names every fault at once, and who it is about", () => {
  expect(() => parse({ cpuThreshold: "x", metricName: "y" }, "")).toThrow(
    expect.objectContaining({
      where: "ScaledJob posture/",
      message: expect.stringMatching(/name of the ScaledJob is empty; .*"y" is unknown.*; cpuThreshold "x"/),
    }),
  );
  expect(() => parse({}, "a", "")).toThrow(/namespace of the ScaledJob is empty/);
  expect(() => parseTrigger(undefined, DEFAULTS)).toThrow(/name of the ScaledJob is empty/);
});

it("orders triggers by the number at the end", () => {
  expect(["job-10", "job-2", "job", "job-0"].toSorted((a, b) => orderOf(a) - orderOf(b))).toEqual([
    "job-0",
    "job-2",
    "job-10",
    "job",
  ]);
});
