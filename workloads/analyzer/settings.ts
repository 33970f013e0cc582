import { createHash } from "node:crypto";
import { join } from "node:path";
import { EvenkeelError } from "../../common/errors.ts";
import { type Command, is, type Parser, type Values } from "../../common/settings.ts";
import { countOrCpus } from "../server/settings.ts";
import { type DatabaseOptions, SSL_MODES } from "./database/connect.ts";
import type { ImageLimits } from "./image/limits.ts";
import { type BrokerAccess, brokerAccess, MQTT_SETTINGS, pem } from "./mqtt-settings.ts";
import { secretFrom } from "./secret.ts";

const DAY_MS = 86_400_000;

/** A topic filter of MQTT 3.1.1, 4.7: `+` stands for one whole level, `#` for all that follow, at the end only. */
const topicFilter: Parser<string> = (text) => {
  const levels = text.split("/");
  const isGood = levels.every(
    (level, index) => level === "+" || (level === "#" && index === levels.length - 1) || !/[+#\0]/.test(level),
  );
  if (text === "" || !isGood) throw new Error("is not a topic filter such as images/0 or images/#");
  return text;
};

/** What every broker takes for a client's identifier; MQTT 3.1.1 promises letters and digits only. */
const clientId: Parser<string> = (text) => {
  if (!/^[\w-]{0,128}$/.test(text)) throw new Error("is not a name of at most 128 letters, digits, _ and -");
  return text;
};

const resultTopic: Parser<string> = (text) => {
  if (/[+#\0]/.test(text)) throw new Error("is not a topic: + and # have no place in it");
  return text;
};

const text = (flag: string, env: string, standard: string, value: string, help: string) =>
  ({ flag, env, parse: is.anyText, default: standard, value, help }) as const;

const settings = {
  ...MQTT_SETTINGS,
  topic: {
    flag: "mqtt-topic",
    env: "MQTT_TOPIC",
    parse: topicFilter,
    default: "images/#",
    value: "FILTER",
    help: "where the images come in",
  },
  clientId: {
    flag: "mqtt-client-id",
    env: "MQTT_CLIENT_ID",
    parse: clientId,
    default: "",
    value: "NAME",
    help: "under which the broker keeps what waits for us; by default made from the topic. One analyser at a time may use it",
  },
  resultTopic: {
    flag: "mqtt-result-topic",
    env: "MQTT_RESULT_TOPIC",
    parse: resultTopic,
    default: "",
    value: "TOPIC",
    help: "where each result is told as JSON too; empty: nowhere",
  },
  outputDir: text("output-dir", "OUTPUT_DIR", "./analyzed_images", "FOLDER", "where the annotated images go"),
  csvPath: text(
    "csv-path",
    "CSV_PATH",
    "",
    "FILE",
    "the results' CSV file; by default posture_results.csv in OUTPUT_DIR",
  ),
  workers: {
    flag: "num-workers",
    env: "NUM_WORKERS",
    parse: countOrCpus(64),
    default: "auto",
    value: "N",
    help: "images analysed at once, each in a thread; auto: one for each CPU of the limit",
  },
  model: text("pose-model", "POSE_MODEL", "", "FILE", "an ONNX pose model; empty: the built-in estimator"),
  idle: {
    flag: "idle-timeout",
    env: "IDLE_TIMEOUT",
    parse: is.durationOrNone(100, DAY_MS),
    default: "10s",
    value: "TIME",
    help: "ends when nothing has waited for so long; none: never",
  },
  connectTimeout: {
    flag: "connect-timeout",
    env: "CONNECT_TIMEOUT",
    parse: is.durationOrNone(100, DAY_MS),
    default: "5m",
    value: "TIME",
    help: "fails when the broker has been away for so long; none: never",
  },
  drainTimeout: {
    flag: "drain-timeout",
    env: "DRAIN_TIMEOUT",
    parse: is.duration(0, DAY_MS),
    default: "20s",
    value: "TIME",
    help: "how long after SIGTERM images in work may take, and the database as well",
  },
  maxBytes: {
    flag: "max-image-size",
    env: "MAX_IMAGE_SIZE",
    parse: is.bytes(1, 2 ** 28),
    default: "16MiB",
    value: "SIZE",
    help: "a larger image is rejected",
  },
  maxPixels: {
    flag: "max-image-pixels",
    env: "MAX_IMAGE_PIXELS",
    parse: is.integer(1, 1_000_000_000),
    default: "50000000",
    value: "N",
    help: "an image of more pixels is rejected before it is decoded",
  },
  imageTimeout: {
    flag: "image-timeout",
    env: "IMAGE_TIMEOUT",
    parse: is.duration(1000, DAY_MS),
    default: "60s",
    value: "TIME",
    help: "an image whose analysis takes longer is rejected",
  },
  subscribeOnly: {
    flag: "subscribe-only",
    env: "SUBSCRIBE_ONLY",
    parse: is.flag,
    help: "only has the broker keep images for us from now on, then ends",
  },
  dbEnabled: { flag: "db-enabled", env: "DB_ENABLED", parse: is.flag, help: "write results to PostgreSQL too" },
  dbHost: text("db-host", "DB_HOST", "localhost", "HOST", "the database's host"),
  dbPort: {
    flag: "db-port",
    env: "DB_PORT",
    parse: is.port(),
    default: "5432",
    value: "PORT",
    help: "its port",
  },
  dbName: text("db-name", "DB_NAME", "posture", "NAME", "the database"),
  dbUser: text("db-user", "DB_USER", "posture", "NAME", "its user; DB_PASSWORD or DB_PASSWORD_FILE has the password"),
  dbSslMode: {
    flag: "db-sslmode",
    env: "DB_SSLMODE",
    parse: is.choice(...SSL_MODES),
    default: "prefer",
    value: "MODE",
    help: `as libpq has it: ${SSL_MODES.join(", ")}`,
  },
  dbCaFile: text("db-ca-file", "DB_CA_FILE", "", "FILE", "who signs the database's certificate (PEM)"),
  dbTimeout: {
    flag: "db-timeout",
    env: "DB_TIMEOUT",
    parse: is.duration(0, DAY_MS),
    default: "5m",
    value: "TIME",
    help: "how long the end waits for a database that is away",
  },
  nodeName: text("node-name", "NODE_NAME", "", "NAME", "the node, for the results"),
  podName: text("pod-name", "POD_NAME", "", "NAME", "the pod, for the results"),
} as const;

type AnalyzerValues = Values<typeof settings>;

/** `evenkeel analyzer`. */
export const ANALYZER_COMMAND: Command<typeof settings> = {
  name: "evenkeel analyzer",
  summary: "Tells the posture of the person in each image that comes in over MQTT, and ends when none waits.",
  settings,
  examples: [
    "evenkeel analyzer --mqtt-broker localhost --mqtt-topic images/0",
    "MQTT_BROKER=broker DB_ENABLED=true DB_HOST=database DB_PASSWORD_FILE=/run/secrets/db evenkeel analyzer",
  ],
};

/** The settings of an analyser, put together. */
export interface AnalyzerSettings extends Omit<AnalyzerValues, keyof typeof MQTT_SETTINGS> {
  readonly access: BrokerAccess;
  readonly limits: ImageLimits;
  /** Absent: without a database. */
  readonly database?: DatabaseOptions;
}

/**
 * Puts an analyser's settings together, with what the environment and files hold.
 * @throws EvenkeelError EK_SETTING_INVALID, EK_FILE_UNREADABLE
 */
export function analyzerSettings(values: AnalyzerValues, env: NodeJS.ProcessEnv): AnalyzerSettings {
  const { maxBytes, maxPixels, imageTimeout, outputDir } = values;
  if (outputDir.trim() === "")
    throw new EvenkeelError("EK_SETTING_INVALID", "OUTPUT_DIR is blank", { where: "OUTPUT_DIR" });
  return {
    ...values,
    access: brokerAccess(values, env),
    clientId: values.clientId === "" ? clientIdOf(values.topic) : values.clientId,
    csvPath: values.csvPath === "" ? join(outputDir, "posture_results.csv") : values.csvPath,
    limits: { maxBytes, maxPixels, maxSeconds: Math.ceil(imageTimeout / 1000) },
    ...(values.dbEnabled ? { database: databaseOf(values, env) } : {}),
  };
}

/** The same for each analyser of a topic, so that one takes up what another left. */
export function clientIdOf(topic: string): string {
  return `posture-${createHash("sha256").update(topic).digest("hex").slice(0, 12)}`;
}

function databaseOf(values: AnalyzerValues, env: NodeJS.ProcessEnv): DatabaseOptions {
  const password = secretFrom("DB_PASSWORD", env);
  return {
    host: values.dbHost,
    port: values.dbPort,
    name: values.dbName,
    user: values.dbUser,
    sslMode: values.dbSslMode,
    ...(password === undefined ? {} : { password }),
    ...(values.dbCaFile === "" ? {} : { ca: pem(values.dbCaFile) }),
  };
}
