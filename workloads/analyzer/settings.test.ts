import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { testFolder } from "../../common/program/testing.ts";
import { loadSettings } from "../../common/settings.ts";
import { brokerName } from "./broker-address.ts";
import { secretFrom } from "./secret.ts";
import { ANALYZER_COMMAND, type AnalyzerSettings, analyzerSettings, clientIdOf } from "./settings.ts";

function read(env: NodeJS.ProcessEnv, args: string[] = []): AnalyzerSettings {
  const loaded = loadSettings(ANALYZER_COMMAND, args, { MQTT_BROKER: "broker", ...env });
  if (loaded.kind !== "values") throw new Error("help was not asked for");
  return analyzerSettings(loaded.values, env);
}

describe("the analyser's settings", () => {
  test("without more than a broker, they are those of INTERFACES", () => {
    const settings = read({});
    expect(settings.access).toEqual({ host: "broker", port: 1883 });
    expect(settings).toMatchObject({
      topic: "images/#",
      outputDir: "./analyzed_images",
      csvPath: "analyzed_images/posture_results.csv",
      clientId: clientIdOf("images/#"),
      model: "",
    });
    expect(settings.database).toBeUndefined();
  });

  test("a database has its password from the environment or a file", async () => {
    const file = join(await testFolder(), "password");
    await writeFile(file, "s3cret\n");
    const env = { DB_ENABLED: "true", DB_HOST: "db", DB_NAME: "n", DB_USER: "u", DB_PORT: "1", DB_SSLMODE: "require" };
    const database = { host: "db", name: "n", user: "u", port: 1, sslMode: "require" };
    expect(read({ ...env, DB_PASSWORD: "p" }).database).toEqual({ ...database, password: "p" });
    expect(read({ ...env, DB_PASSWORD_FILE: file }).database).toEqual({ ...database, password: "s3cret" });
  });

  test("TLS has a port of its own, and a name that says so wins", () => {
    expect(read({ MQTT_TLS: "true" }).access).toEqual({ host: "broker", port: 8883, tls: {} });
    expect(read({ MQTT_BROKER: "mqtts://b", MQTT_PORT: "9" }, ["--mqtt-broker", "mqtts://b"]).access).toEqual({
      host: "b",
      port: 9,
      tls: {},
    });
    expect(read({ MQTT_TLS: "true" }, ["--mqtt-broker", "mqtt://b:7"]).access).toEqual({ host: "b", port: 7 });
  });

  test.each([
    [{ MQTT_TOPIC: "images/#/x" }, "topic filter"],
    [{ MQTT_TOPIC: "a+" }, "topic filter"],
    [{ MQTT_RESULT_TOPIC: "r/#" }, "is not a topic"],
    [{ NUM_WORKERS: "0" }, "NUM_WORKERS"],
    [{ DB_SSLMODE: "maybe" }, "DB_SSLMODE"],
    [{ MQTT_CLIENT_ID: "a b" }, "MQTT_CLIENT_ID"],
    [{ MQTT_PASSWORD: "p" }, "a password without a user"],
    [{ MQTT_CERT_FILE: "/x" }, "a certificate needs its key"],
    [{ MQTT_CA_FILE: "/no/such.pem" }, "ENOENT"],
    [{ OUTPUT_DIR: " " }, "OUTPUT_DIR"],
  ])("%j is refused", (env, what) => {
    expect(() => read(env)).toThrow(what);
  });
});

describe("brokerName", () => {
  test.each([
    ["broker", { host: "broker" }],
    ["broker:1", { host: "broker", port: 1 }],
    ["mqtt://broker", { host: "broker", isTls: false }],
    ["mqtts://broker:8884", { host: "broker", port: 8884, isTls: true }],
    ["[::1]:1883", { host: "::1", port: 1883 }],
  ])("%s", (text, name) => {
    expect(brokerName(text)).toEqual(name);
  });

  test.each(["", "a b", "http://x", "mqtt://user:secret@x", "x/y", "x:99999"])("refuses %j", (text) => {
    expect(() => brokerName(text)).toThrow();
  });
});

describe("secretFrom", () => {
  test("does not choose between two", () => {
    expect(() => secretFrom("X", { X: "a", X_FILE: "/b" })).toThrow("both set");
    expect(secretFrom("X", { X: "", X_FILE: "" })).toBeUndefined();
  });
});
