import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { credentials, type ServiceError, status } from "@grpc/grpc-js";
import { pino } from "pino";
import { expect, it, onTestFinished, vi } from "vitest";
import { testFolder, testServer } from "../../common/program/testing.ts";
import { loadSettings } from "../../common/settings.ts";
import { ExternalScalerClient } from "../../proto/generated/externalscaler/externalscaler.ts";
import { startScaler } from "./scaler.ts";
import { SCALER, type ScalerSettings } from "./settings.ts";
import { busy, node } from "./test-support.ts";

const log = pino({ level: "silent" });
const HERE = ["--host", "127.0.0.1", "--listen-port", "0", "--http-host", "127.0.0.1", "--http-port", "0"];

function settingsOf(args: readonly string[], env: NodeJS.ProcessEnv = {}): ScalerSettings {
  const loaded = loadSettings(SCALER, [...HERE, ...args], env);
  if (loaded.kind === "help") throw new Error("help");
  return loaded.values;
}

it("takes the earlier environment names", () => {
  const env = { PROM_URL: "http://p:9090", CPU_THRESHOLD: "0.5", METRIC_NAME: "m", CONTROLLER_URL: "http://c" };
  const { values } = loadSettings(SCALER, [], { ...env, LISTEN_PORT: "9000" }) as { values: ScalerSettings };
  expect(values).toMatchObject({
    prometheusUrl: "http://p:9090",
    threshold: 0.5,
    metricName: "m",
    controllerUrl: "http://c",
    listenPort: 9000,
  });
  const plain = loadSettings(SCALER, [], {}) as { values: ScalerSettings };
  expect(plain.values).toMatchObject({ threshold: 0.7, metricName: "available_node_count_30s", listenPort: 8080 });
});

it.each([
  [["--cpu-threshold", "NaN"], /"NaN" is not a share/],
  [["--cpu-threshold", "70"], /"70" is not a share/],
  [["--metric-name", "a b"], /"a b" is not a metric's name/],
  [["--prometheus-url", "prometheus:9090"], /is not an http\(s\) URL/],
])("refuses %j", (args, message) => expect(() => settingsOf(args)).toThrow(message));

it("says what is missing before it serves anybody", async () => {
  const start = (args: readonly string[]) => startScaler(settingsOf(args), log, {});
  await expect(start([])).rejects.toMatchObject({
    code: "EK_SETTING_INVALID",
    next: expect.stringMatching(/NATS_MONITOR_URL.*--work capacity/),
  });
  await expect(start(["--work", "capacity", "--tls-cert", "a.crt"])).rejects.toThrow("both a certificate and its key");
  const lone = ["--nats-monitor-url", "http://n", "--mqtt-broker", "n", "--mqtt-ca-file", "/nowhere/ca.crt"];
  await expect(start(lone)).rejects.toMatchObject({ code: "EK_FILE_UNREADABLE", where: "/nowhere/ca.crt" });
});

it("with a broker that cannot be asked it releases a job for every free node; over HTTP it shows why", async () => {
  const nodes = [node("a", 1), node("b", 2, busy)];
  const controller = await testServer((_, response) => {
    response.end(JSON.stringify({ available: 1, nodes, unplaced: 0, running: [] }));
  });
  const scaler = await startScaler(settingsOf(["--work", "capacity", "--controller-url", controller]), log, {});
  onTestFinished(() => scaler.stop());
  const keda = new ExternalScalerClient(`127.0.0.1:${scaler.port}`, credentials.createInsecure());
  onTestFinished(() => keda.close());
  const ask = (name: string) =>
    new Promise<boolean>((resolve, reject) => {
      keda.isActive({ name, namespace: "posture", scalerMetadata: {} }, (error: ServiceError | null, answer) =>
        error === null ? resolve(answer.result) : reject(error),
      );
    });
  expect([await ask("job-0"), await ask("job-1")]).toEqual([true, false]);
  await expect(ask("")).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });

  const get = (path: string) => fetch(`http://127.0.0.1:${scaler.httpPort}${path}`);
  expect(await (await get("/triggers")).json()).toEqual([
    { trigger: "posture/job-0", clientId: "job-0", waiting: null, state: "released", detail: "a" },
    expect.objectContaining({ state: "held back", detail: "the free nodes or the waiting images are given to others" }),
  ]);
  expect(await (await get("/nodes")).json()).toMatchObject({ available: 1, nodes: [{ name: "a" }, { name: "b" }] });
  expect((await get("/healthz")).status).toBe(200);
  expect((await get("/readyz")).status).toBe(200);
  expect((await get("/other")).status).toBe(404);
  await vi.waitFor(async () => {
    const text = await (await get("/metrics")).text();
    expect(text).toMatch(/^available_node_count_30s 1$/m);
    expect(text).toMatch(/^evenkeel_posture_nodes\{state="busy"\} 1$/m);
    expect(text).toMatch(/^evenkeel_scaler_calls_total\{method="IsActive",code="0"\} 2$/m);
  });
});

it("a port that is taken is named, and nothing of the start stays", async () => {
  const controller = await testServer((_, response) => void response.end("{}"));
  const args = ["--work", "capacity", "--controller-url", controller];
  const first = await startScaler(settingsOf(args), log, {});
  onTestFinished(() => first.stop());
  const again = settingsOf([...args, "--listen-port", String(first.port)]);
  await expect(startScaler(again, log, {})).rejects.toMatchObject({ code: "EK_PORT_IN_USE" });
  // Without an answer there is no figure, rather than a wrong one.
  const text = await (await fetch(`http://127.0.0.1:${first.httpPort}/metrics`)).text();
  expect(text).not.toMatch(/^available_node_count_30s \d/m);
  expect((await fetch(`http://127.0.0.1:${first.httpPort}/nodes`)).status).toBe(503);
});

it("reads the broker's password from a file", async () => {
  const folder = await testFolder();
  await writeFile(join(folder, "password"), "swordfish\n");
  const settings = settingsOf([
    "--nats-monitor-url",
    "http://127.0.0.1:1",
    "--mqtt-username",
    "scaler",
    "--mqtt-broker",
    "n",
    "--controller-url",
    "http://127.0.0.1:1",
  ]);
  const scaler = await startScaler(settings, log, { MQTT_PASSWORD_FILE: join(folder, "password") });
  await scaler.stop();
  await expect(startScaler(settings, log, { MQTT_PASSWORD_FILE: join(folder, "none") })).rejects.toMatchObject({
    code: "EK_FILE_UNREADABLE",
  });
});
