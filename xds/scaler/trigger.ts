import { EvenkeelError } from "../../common/errors.ts";
import type { ScaledObjectRef } from "../../proto/generated/externalscaler/externalscaler.ts";

/** One of KEDA's triggers, its metadata checked. */
export interface Trigger {
  /** `NAMESPACE/NAME` of its ScaledJob. */
  readonly key: string;
  /** The ScaledJob's name. */
  readonly name: string;
  readonly metricName: string;
  /** 0 to 1, above 0. */
  readonly threshold: number;
  /** The MQTT client whose images it works on. */
  readonly clientId: string;
  /** What that client subscribes to, when the trigger says so. */
  readonly topic: string | undefined;
}

export interface TriggerDefaults {
  readonly metricName: string;
  readonly threshold: number;
}

/** Keys that KEDA itself reads, or read once; it passes all of a trigger's metadata on. */
const KEDA_KEYS = ["scalerAddress", "enableTLS", "unsafeSsl", "caCert", "tlsCertFile", "tlsClientCert", "tlsClientKey"];
const OUR_KEYS = ["metricName", "cpuThreshold", "threshold", "mqttClientId", "mqttTopic"];
/** KEDA's own limit of a metric's name follows Kubernetes'. */
const MAX_TEXT = 253;

/**
 * Checks what KEDA asks with.
 * @throws EvenkeelError EK_TRIGGER_INVALID, which names every fault at once
 */
export function parseTrigger(ref: ScaledObjectRef | undefined, defaults: TriggerDefaults): Trigger {
  const { name = "", namespace = "", scalerMetadata: metadata = {} } = ref ?? {};
  const faults: string[] = [];
  if (name === "") faults.push("the name of the ScaledJob is empty");
  if (namespace === "") faults.push("the namespace of the ScaledJob is empty");
  for (const key of Object.keys(metadata))
    if (!KEDA_KEYS.includes(key) && !OUR_KEYS.includes(key))
      faults.push(`there is no key ${quoted(key)} (there are ${OUR_KEYS.join(", ")})`);
  const trigger = {
    key: `${namespace}/${name}`,
    name,
    metricName: metricNameOf(metadata, defaults, faults),
    threshold: thresholdOf(metadata, defaults, faults),
    clientId: clientIdOf(metadata, name, faults),
    topic: topicOf(metadata, faults),
  };
  if (faults.length > 0)
    throw new EvenkeelError("EK_TRIGGER_INVALID", faults.join("; "), { where: `ScaledJob ${trigger.key}` });
  return trigger;
}

/** The position of a trigger: the number at the end of its name, e.g. 3 of `posture-analyzer-job-3`. */
export function orderOf(name: string): number {
  const number = /-(\d{1,9})$/.exec(name)?.[1];
  return number === undefined ? Infinity : Number(number);
}

type Metadata = Readonly<Record<string, string>>;

function metricNameOf(metadata: Metadata, { metricName }: TriggerDefaults, faults: string[]): string {
  const given = metadata.metricName ?? metricName;
  if (given.trim() === "") faults.push("metricName is empty");
  else if (given !== metricName) faults.push(`metricName ${quoted(given)} is unknown (there is ${metricName})`);
  return given;
}

function thresholdOf(metadata: Metadata, { threshold }: TriggerDefaults, faults: string[]): number {
  const keys = ["cpuThreshold", "threshold"].filter((key) => metadata[key] !== undefined);
  if (keys.length === 2) faults.push("cpuThreshold and threshold are the same: give one");
  const [key] = keys;
  if (key === undefined) return threshold;
  const text = metadata[key] as string;
  const value = /^\d*\.?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
  if (value > 0 && value <= 1) return value;
  faults.push(`${key} ${quoted(text)} is not a share of the CPU above 0 and up to 1, such as 0.70`);
  return threshold;
}

function clientIdOf(metadata: Metadata, name: string, faults: string[]): string {
  const given = metadata.mqttClientId ?? name;
  if (metadata.mqttClientId !== undefined && !isText(given))
    faults.push(`mqttClientId ${quoted(given)} is empty, too long or holds blanks`);
  return given;
}

function topicOf(metadata: Metadata, faults: string[]): string | undefined {
  const given = metadata.mqttTopic;
  if (given !== undefined && !isTopicFilter(given))
    faults.push(`mqttTopic ${quoted(given)} is not a topic to subscribe to, such as images/0/#`);
  return given;
}

function isText(text: string): boolean {
  return text.length <= MAX_TEXT && /^[\x21-\x7e]+$/.test(text);
}

/** MQTT 3.1.1, 4.7: `+` fills a level, `#` the last ones. */
function isTopicFilter(text: string): boolean {
  return (
    isText(text) &&
    text
      .split("/")
      .every((level, at, all) => (level === "#" ? at === all.length - 1 : level === "+" || !/[+#]/.test(level)))
  );
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
