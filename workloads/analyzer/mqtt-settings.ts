import { EvenkeelError } from "../../common/errors.ts";
import { is, type Setting } from "../../common/settings.ts";
import { readTextFile } from "../../common/text-file.ts";
import { type BrokerName, brokerName } from "./broker-address.ts";
import type { Address, MqttTls } from "./mqtt/packets.ts";
import { secretFrom } from "./secret.ts";

const MAX_PEM_BYTES = 2 ** 20;
const PLAIN_PORT = 1883;
const TLS_PORT = 8883;

/** The settings of whoever speaks to the broker. */
export const MQTT_SETTINGS = {
  broker: {
    flag: "mqtt-broker",
    env: "MQTT_BROKER",
    parse: brokerName,
    value: "HOST",
    help: "the broker: HOST, HOST:PORT, or mqtts://HOST:PORT",
  },
  port: {
    flag: "mqtt-port",
    env: "MQTT_PORT",
    parse: (text: string) => (text === "auto" ? undefined : is.port()(text)),
    default: "auto",
    value: "PORT",
    help: "its port, if the broker's name has none; auto: 1883, with TLS 8883",
  },
  username: {
    flag: "mqtt-username",
    env: "MQTT_USERNAME",
    parse: is.anyText,
    default: "",
    value: "NAME",
    help: "the user; the password comes from MQTT_PASSWORD or the file MQTT_PASSWORD_FILE only",
  },
  tls: { flag: "mqtt-tls", env: "MQTT_TLS", parse: is.flag, help: "speak TLS, and check the broker's certificate" },
  caFile: {
    flag: "mqtt-ca-file",
    env: "MQTT_CA_FILE",
    parse: is.anyText,
    default: "",
    value: "FILE",
    help: "who signs the broker's certificate (PEM), if it is not one of the system's authorities",
  },
  certFile: {
    flag: "mqtt-cert-file",
    env: "MQTT_CERT_FILE",
    parse: is.anyText,
    default: "",
    value: "FILE",
    help: "our own certificate (PEM), for a broker that wants one",
  },
  keyFile: {
    flag: "mqtt-key-file",
    env: "MQTT_KEY_FILE",
    parse: is.anyText,
    default: "",
    value: "FILE",
    help: "its key (PEM)",
  },
} as const satisfies Record<string, Setting<unknown>>;

export interface MqttValues {
  readonly broker: BrokerName;
  readonly port: number | undefined;
  readonly username: string;
  readonly tls: boolean;
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
}

/** Where the broker is, and who we are there. */
export interface BrokerAccess extends Address {
  readonly username?: string;
  readonly password?: string;
}

/**
 * Puts the settings together, with the password and the certificates.
 * @throws EvenkeelError EK_FILE_UNREADABLE, EK_SETTING_INVALID
 */
export function brokerAccess(values: MqttValues, env: NodeJS.ProcessEnv): BrokerAccess {
  const { broker, username } = values;
  const isTls = broker.isTls ?? (values.tls || values.caFile !== "" || values.certFile !== "");
  const password = secretFrom("MQTT_PASSWORD", env);
  if (password !== undefined && username === "")
    throw new EvenkeelError("EK_SETTING_INVALID", "there is a password without a user", { where: "MQTT_USERNAME" });
  if ((values.certFile === "") !== (values.keyFile === ""))
    throw new EvenkeelError("EK_SETTING_INVALID", "a certificate needs its key, and a key its certificate", {
      where: "MQTT_CERT_FILE, MQTT_KEY_FILE",
    });
  return {
    host: broker.host,
    port: broker.port ?? values.port ?? (isTls ? TLS_PORT : PLAIN_PORT),
    ...(isTls ? { tls: tlsOf(values) } : {}),
    ...(username === "" ? {} : { username }),
    ...(password === undefined ? {} : { password }),
  };
}

function tlsOf({ caFile, certFile, keyFile }: MqttValues): MqttTls {
  return {
    ...(caFile === "" ? {} : { ca: pem(caFile) }),
    ...(certFile === "" ? {} : { cert: pem(certFile), key: pem(keyFile) }),
  };
}

/** @throws EvenkeelError EK_FILE_UNREADABLE */
export function pem(path: string): string {
  const text = readTextFile(path, "the PEM file", MAX_PEM_BYTES);
  if (text === undefined || !text.includes("-----BEGIN"))
    throw new EvenkeelError("EK_FILE_UNREADABLE", "it is not a PEM file", { where: path });
  return text;
}
