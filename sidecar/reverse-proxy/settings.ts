import { type Command, is } from "../../common/settings.ts";
import { envoySettings } from "../envoy/settings.ts";

export const DEFAULT_CONFIG_FILE = "config.yaml";

const settings = {
  configFile: {
    flag: "config-file",
    env: "EVENKEEL_PROXY_CONFIG_FILE",
    value: "FILE",
    default: "",
    parse: is.anyText,
    help: `the services and where to listen; ${DEFAULT_CONFIG_FILE} when neither this nor --config is given`,
  },
  config: { flag: "config", value: "FILE", default: "", parse: is.anyText, help: "the same as --config-file" },
  caFile: {
    flag: "ca-file",
    env: "EVENKEEL_PROXY_CA_FILE",
    value: "FILE",
    default: "",
    parse: is.anyText,
    help: "authorities (PEM) that hosts over TLS must be signed by; empty for those that the system trusts",
  },
  accessLog: {
    flag: "access-log",
    env: "EVENKEEL_PROXY_ACCESS_LOG",
    parse: is.flag,
    help: "print a JSON line for each request",
  },
  ...envoySettings({ maxHeap: "2GiB" }),
} as const;

export const PROXY: Command<typeof settings> = {
  name: "evenkeel proxy",
  summary: "The random reverse proxy: an Envoy that sends each request to one host of its domain's service, at random.",
  settings,
  examples: ["evenkeel config --sub-domain my-service", "evenkeel proxy --config-file config.yaml"],
};

export type ProxySettings = typeof settings;
