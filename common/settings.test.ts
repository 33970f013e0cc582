import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { EvenkeelError } from "./errors.ts";
import { type Command, is, loadSettings } from "./settings.ts";

const settings = {
  port: { flag: "xds-port", env: "EK_PORT", value: "PORT", parse: is.port(), default: "18000", help: "the xDS port" },
  wait: { flag: "wait", value: "TIME", parse: is.duration(1, 60_000), default: "4s", help: "how long" },
  fleet: { flag: "fleet", short: "f", env: "EK_FLEET", value: "FILE", parse: is.text, help: "the fleet file" },
  quiet: { flag: "quiet", env: "EK_QUIET", parse: is.flag, help: "say less" },
} as const;
const command: Command<typeof settings> = { name: "evenkeel x", summary: "tries settings", settings };

const directory = mkdtempSync(join(tmpdir(), "ek-settings-"));
afterAll(() => rmSync(directory, { recursive: true }));
const file = (text: string) => {
  const path = join(directory, "settings.yaml");
  writeFileSync(path, text);
  return path;
};

function values(args: string[], env: NodeJS.ProcessEnv = {}) {
  const loaded = loadSettings(command, args, env);
  if (loaded.kind !== "values") throw new Error("help was not asked for");
  return loaded.values;
}

function fault(args: string[], env: NodeJS.ProcessEnv = {}): EvenkeelError {
  try {
    values(args, env);
  } catch (error) {
    if (error instanceof EvenkeelError) return error;
    throw error;
  }
  throw new Error("no fault was found");
}

describe("loadSettings", () => {
  test("a flag wins over the environment, that over the file, that over the default", () => {
    const path = file("xds-port: 3\nfleet: from-file\n");
    expect(values(["--settings", path]).port).toBe(3);
    expect(values(["--settings", path], { EK_PORT: "2" }).port).toBe(2);
    expect(values(["--settings", path, "--xds-port", "1"], { EK_PORT: "2" }).port).toBe(1);
    expect(values(["-f", "x"]).port).toBe(18000);
    expect(values([], { EVENKEEL_SETTINGS: path }).fleet).toBe("from-file");
  });

  test.each([
    ["1.10", "1.10"],
    ["12345678901234567890", "12345678901234567890"],
    ["'1.10'", "1.10"],
    ['"a\\tb"', "a\tb"],
    ["[1.10, b, '2.0']", "1.10,b,2.0"],
    ["True", "true"],
    ["plain text", "plain text"],
  ])("the file's value %s is the text %j", (written, text) => {
    expect(values(["--settings", file(`fleet: ${written}\n`)]).fleet).toBe(text);
  });

  test("an alias in the file is what it stands for", () => {
    expect(values(["--settings", file("xds-port: &number 0018\nfleet: *number\n")])).toMatchObject({
      port: 18,
      fleet: "0018",
    });
  });

  test("an empty variable counts as not set; a switch is off unless it is given", () => {
    expect(values(["-f", "x"], { EK_PORT: "" })).toEqual({ port: 18000, wait: 4000, fleet: "x", quiet: false });
    expect(values(["-f", "x", "--quiet"]).quiet).toBe(true);
    expect(values(["-f", "x"], { EK_QUIET: "true" }).quiet).toBe(true);
  });

  test("every fault is told at once, each with its place", () => {
    const path = file("fleet: x\nxds-port: 65536\nnonsense: 1\n");
    const error = fault(["--settings", path, "--wait", "soon"]);
    expect(error.code).toBe("EK_SETTING_INVALID");
    expect(error.message).toContain(`${path}:2: "65536" is not a whole number from 1 to 65535`);
    expect(error.message).toContain("unknown setting nonsense");
    expect(error.message).toContain('--wait: "soon" is not a time');
  });

  test.each([
    [["--xds-port", "0", "-f", "x"], "EK_SETTING_INVALID", "--xds-port"],
    [["--xds-port", "1e3", "-f", "x"], "EK_SETTING_INVALID", "1e3"],
    [[], "EK_SETTING_INVALID", "--fleet is missing"],
    [["-f", ""], "EK_SETTING_INVALID", "must not be empty"],
    [["--unknown"], "EK_USAGE", "--unknown"],
    [["operand"], "EK_USAGE", "operand"],
    [["-f", "x", "--settings", "/does/not/exist"], "EK_FILE_UNREADABLE", "ENOENT"],
  ])("%j is refused as %s", (args, code, text) => {
    const error = fault(args);
    expect(error.code).toBe(code);
    expect(error.message).toContain(text);
    expect(error.next).not.toBe("");
  });

  test.each(["[1, 2]", "fleet: [", "fleet: a\nfleet: b"])("the settings file %j is refused", (text) => {
    expect(fault(["--settings", file(text)]).code).toBe("EK_SETTING_INVALID");
  });

  test("--help tells every setting with its default and variable", () => {
    const loaded = loadSettings(command, ["--help"], {});
    expect(loaded.kind).toBe("help");
    const text = loaded.kind === "help" ? loaded.text : "";
    for (const part of ["--xds-port PORT", "default 18000", "EK_PORT", "-f, --fleet FILE", "--settings FILE"])
      expect(text).toContain(part);
  });
});

describe("parsers", () => {
  test.each([
    [is.duration(0, 1e9), "250ms", 250],
    [is.duration(0, 1e9), "1.5s", 1500],
    [is.duration(0, 1e9), "1.005s", 1005],
    [is.duration(0, 1e9), "0.3ms", 0],
    [is.optionalUrl, "https://prometheus:9090/x", "https://prometheus:9090/x"],
    [is.optionalUrl, "", ""],
    [is.durationOrNone(0, 1e9), "none", undefined],
    [is.bytes(0, 2 ** 40), "64MiB", 67_108_864],
    [is.bytes(0, 2 ** 40), "10", 10],
    [is.port({ zero: true }), "0", 0],
    [is.number(0, 1), "0.5", 0.5],
    [is.choice("a", "b"), "b", "b"],
  ])("%o reads %s as %s", (parse, text, value) => {
    expect(parse(text)).toBe(value);
  });

  test.each([
    [is.duration(0, 1e9), "5"],
    [is.duration(10, 1e9), "5ms"],
    [is.duration(1, 1e9), "0.3ms"],
    [is.optionalUrl, "prometheus:9090"],
    [is.optionalUrl, "ftp://prometheus"],
    [is.bytes(0, 10), "1KiB"],
    [is.bytes(0, 10), "1 KB"],
    [is.integer(0, 10), "-1"],
    [is.integer(0, 10), "1.5"],
    [is.number(0, 1), "NaN"],
    [is.number(0, 1), ""],
    [is.choice("a", "b"), "c"],
    [is.flag, "maybe"],
  ])("%o refuses %s", (parse, text) => {
    expect(() => parse(text)).toThrow(/is not/);
  });
});
