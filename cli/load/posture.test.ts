import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { freePorts } from "../../common/ports.ts";
import { testFolder } from "../../common/program/testing.ts";
import { type Broker, startBroker } from "../../workloads/analyzer/testing/broker.ts";
import { startAnalyzer } from "../../workloads/analyzer/testing/job-under-test.ts";
import { until } from "../../workloads/analyzer/testing/wait.ts";
import { main } from "./main.ts";

let broker: Broker;
beforeAll(async () => {
  broker = await startBroker();
}, 900_000);
afterAll(() => broker?.remove());

/** Runs the command; its exit code and what it printed. */
async function load(...args: string[]): Promise<{ code: number; text: string }> {
  let text = "";
  const write = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  try {
    return { code: await main(["posture", ...args]), text };
  } finally {
    write.mockRestore();
  }
}

const small = ["--width", "160", "--height", "120", "--json"];

describe("load posture", { timeout: 180_000 }, () => {
  test("tells the time from publishing to the result of a real analyser", async () => {
    const analyzer = await startAnalyzer(broker, await testFolder(), {
      MQTT_TOPIC: "load/#",
      MQTT_RESULT_TOPIC: "load-results",
      IDLE_TIMEOUT: "none",
    });
    onTestFinished(() => analyzer.stop());
    await until("the analyser's connection", () => analyzer.lastLines().some((line) => line.includes('"connected"')));
    const where = [
      "--mqtt-broker",
      `${broker.host}:${broker.port}`,
      "--topic",
      "load",
      "--result-topic",
      "load-results",
    ];
    const { code, text } = await load(...where, "-n", "24", "--rate", "50", "--topics", "3", ...small);
    const figures = JSON.parse(text);
    expect(figures).toMatchObject({ sent: 24, accepted: 24, results: 24, missing: 0, repeated: 0, rejected: 0 });
    expect(figures.recognised).toBeGreaterThanOrEqual(20);
    expect(figures.latencyMs.p50).toBeGreaterThan(0);
    expect(code).toBe(0);
  });

  test("fails when no analyser answers, and says how many have no result", async () => {
    const where = ["--mqtt-broker", `${broker.host}:${broker.port}`, "--topic", "nobody", "--wait", "200ms"];
    const { code, text } = await load(...where, "-n", "3", "--rate", "50", ...small);
    expect(JSON.parse(text)).toMatchObject({ sent: 3, accepted: 3, results: 0, missing: 3, latencyMs: null });
    expect(code).toBe(1);
  });

  test("could not be run without a broker", async () => {
    const [port = 0] = await freePorts(1);
    const error = vi.spyOn(console, "error").mockImplementation(() => undefined);
    onTestFinished(() => error.mockRestore());
    expect((await load("--mqtt-broker", `127.0.0.1:${port}`)).code).toBe(2);
    expect(error.mock.calls.flat().join()).toContain("EK_BROKER_UNREACHABLE");
  });
});
