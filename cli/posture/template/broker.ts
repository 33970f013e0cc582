import { EvenkeelError } from "../../../common/errors.ts";
import type { TemplateSettings } from "../settings.ts";
import type { MountedSecret } from "./mounted-secret.ts";

const FOLDER = "/mqtt-tls";
const PLAIN_PORT = 1883;
const TLS_PORT = 8883;

type BrokerSettings = Pick<
  TemplateSettings,
  "namespace" | "broker" | "brokerPort" | "brokerTls" | "brokerTlsSecret" | "brokerClientCert"
>;

/** Where the broker is, as pods reach it. */
interface BrokerPlace {
  /** As it stands in a URL. */
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
}

/** @throws EvenkeelError EK_SETTING_INVALID when its settings contradict each other */
export function requireBrokerSettings({ broker, brokerTlsSecret, brokerClientCert }: BrokerSettings): void {
  if (brokerClientCert && brokerTlsSecret === "")
    throw new EvenkeelError("EK_SETTING_INVALID", "a client certificate without the Secret that holds it", {
      where: "MQTT_CLIENT_CERT",
      next: "name the Secret with --mqtt-tls-secret (MQTT_TLS_SECRET)",
    });
  if (broker?.isTls === false && brokerTlsSecret !== "")
    throw new EvenkeelError("EK_SETTING_INVALID", "a broker without TLS, and certificates for it", {
      where: "MQTT_BROKER, MQTT_TLS_SECRET",
      next: "name it mqtts://HOST, or HOST alone",
    });
}

export function brokerPlace({
  namespace,
  broker,
  brokerPort,
  brokerTls,
  brokerTlsSecret,
}: BrokerSettings): BrokerPlace {
  const isTls = broker?.isTls ?? (brokerTls || brokerTlsSecret !== "");
  const host = broker?.host ?? `nats.${namespace}.svc.cluster.local`;
  return {
    host: host.includes(":") ? `[${host}]` : host,
    port: broker?.port ?? brokerPort ?? (isTls ? TLS_PORT : PLAIN_PORT),
    isTls,
  };
}

/** The certificates for it; none: the system's authorities know the broker, and it does not ask who comes. */
export function brokerCertificates({ brokerTlsSecret, brokerClientCert }: BrokerSettings): readonly MountedSecret[] {
  if (brokerTlsSecret === "") return [];
  const keys = ["ca.crt", ...(brokerClientCert ? ["tls.crt", "tls.key"] : [])];
  return [{ name: "mqtt-tls", secretName: brokerTlsSecret, folder: FOLDER, keys }];
}

/** How the analysers and the scaler reach it. */
export function brokerEnv(settings: BrokerSettings): Record<string, string> {
  const { host, port, isTls } = brokerPlace(settings);
  return {
    MQTT_BROKER: host,
    MQTT_PORT: String(port),
    ...(isTls && { MQTT_TLS: "true" }),
    ...(settings.brokerTlsSecret !== "" && { MQTT_CA_FILE: `${FOLDER}/ca.crt` }),
    ...(settings.brokerClientCert && { MQTT_CERT_FILE: `${FOLDER}/tls.crt`, MQTT_KEY_FILE: `${FOLDER}/tls.key` }),
  };
}
