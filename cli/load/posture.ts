import { onInterrupt } from "../../common/interrupt.ts";
import { is, loadSettings, type Parser } from "../../common/settings.ts";
import { brokerAccess, MQTT_SETTINGS } from "../../workloads/analyzer/mqtt-settings.ts";
import { sendImages } from "./posture/send.ts";
import { hasPassed, postureText } from "./posture/tally.ts";
import { LOAD_SETTINGS } from "./settings.ts";

const DAY_MS = 24 * 3_600_000;

const topic: Parser<string> = (text) => {
  if (text === "" || /[+#\0]/.test(text)) throw new Error("is not a topic such as images");
  return text;
};

const EXAMPLES = [
  "npm run load -- posture --mqtt-broker localhost --rate 20 -n 200 --topics 10",
  "MQTT_BROKER=localhost MQTT_RESULT_TOPIC=posture/results npm run evenkeel -- analyzer --mqtt-topic images/0",
] as const;

const settings = {
  ...MQTT_SETTINGS,
  total: { ...LOAD_SETTINGS.total, parse: is.integer(1, 10_000_000), default: "200", help: "images in all" },
  rate: {
    flag: "rate",
    value: "R",
    parse: is.number(0.01, 10_000),
    default: "10",
    help: "images a second, however slow the results are",
  },
  prefix: {
    flag: "topic",
    value: "TOPIC",
    parse: topic,
    default: "images",
    help: "images go to TOPIC/0, TOPIC/1 … in turn",
  },
  topics: { flag: "topics", value: "N", parse: is.integer(1, 10_000), default: "10", help: "how many topics" },
  width: { flag: "width", value: "PIXELS", parse: is.integer(16, 4096), default: "640", help: "an image's width" },
  height: { flag: "height", value: "PIXELS", parse: is.integer(16, 4096), default: "480", help: "an image's height" },
  resultTopic: {
    flag: "result-topic",
    value: "TOPIC",
    parse: topic,
    default: "posture/results",
    help: "where the analysers tell their results (their MQTT_RESULT_TOPIC)",
  },
  wait: {
    flag: "wait",
    value: "TIME",
    parse: is.duration(0, DAY_MS),
    default: "60s",
    help: "how long results are awaited after the last image",
  },
  json: LOAD_SETTINGS.json,
} as const;

/**
 * Runs `load posture`.
 * @returns the exit code: 0 only if every image was taken by the broker and got exactly one result that is no rejection
 */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(
    {
      name: "npm run load -- posture",
      summary: "Sends drawn images over MQTT, and tells the time from publishing to the analyser's result.",
      settings,
      examples: EXAMPLES,
    },
    args,
  );
  if (loaded.kind === "help") {
    console.log(loaded.text);
    return 0;
  }
  const { values } = loaded;
  const interrupt = onInterrupt();
  try {
    const figures = await sendImages({
      ...values,
      access: brokerAccess(values, process.env),
      waitMs: values.wait,
      interrupted: interrupt.signal,
    });
    process.stdout.write(values.json ? `${JSON.stringify(figures)}\n` : postureText(figures));
    return hasPassed(figures, values.total) ? 0 : 1;
  } finally {
    interrupt.release();
  }
}
