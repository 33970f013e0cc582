import type { Parser } from "../../common/settings.ts";

/** A broker as it is named: the port and whether to use TLS only where the name says so. */
export interface BrokerName {
  readonly host: string;
  readonly port?: number;
  readonly isTls?: boolean;
}

/** Reads `HOST`, `HOST:PORT`, `mqtt://HOST:PORT` or `mqtts://HOST:PORT`. */
export const brokerName: Parser<BrokerName> = (text) => {
  const [, scheme, rest = ""] = /^(?:(mqtts?|tcp|ssl):\/\/)?(.*)$/s.exec(text) ?? [];
  let url: URL;
  try {
    url = new URL(`none://${rest}`);
  } catch {
    throw new Error("is not a broker such as HOST, HOST:PORT or mqtts://HOST:PORT");
  }
  if (url.username !== "" || url.password !== "")
    throw new Error("holds a user or password: give them by MQTT_USERNAME and MQTT_PASSWORD");
  if (url.hostname === "" || (url.pathname !== "" && url.pathname !== "/") || url.search !== "" || url.hash !== "")
    throw new Error("is not a broker such as HOST, HOST:PORT or mqtts://HOST:PORT");
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    ...(url.port === "" ? {} : { port: Number(url.port) }),
    ...(scheme === undefined ? {} : { isTls: scheme === "mqtts" || scheme === "ssl" }),
  };
};
