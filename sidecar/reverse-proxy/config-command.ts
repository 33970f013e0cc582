import { writeFileSync } from "node:fs";
import { stringify } from "yaml";
import { EvenkeelError } from "../../common/errors.ts";
import { type Command, is, loadSettings, type Values } from "../../common/settings.ts";
import { parseProxyConfig } from "./parse.ts";
import { readDomain, readHost } from "./places.ts";

const SERVICE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

const settings = {
  subDomain: {
    flag: "sub-domain",
    value: "NAME",
    default: "my-service",
    parse: subDomain,
    help: "the service's name, and the first part of its domain",
  },
  ingressPort: {
    flag: "ingress-port",
    value: "PORT",
    default: "8080",
    parse: is.port(),
    help: "the port that the proxy listens on",
  },
  targetPort: {
    flag: "target-port",
    value: "PORT",
    default: "",
    parse: (text: string) => (text === "" ? text : String(is.port()(text))),
    help: "the port of each host; empty for the one of its scheme, 80 or 443",
  },
  parentDomain: {
    flag: "parent-domain",
    value: "DOMAIN",
    default: "mycompany.com",
    parse: readDomain,
    help: "what the service's domain ends with",
  },
  listenAddress: {
    flag: "listen-address",
    value: "ADDRESS",
    default: "127.0.0.1",
    parse: is.text,
    help: "the address that the proxy listens on; 0.0.0.0 for all of the machine's",
  },
  hosts: {
    flag: "hosts",
    value: "HOST,…",
    default: "10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5",
    parse: hostList,
    help: "the service's hosts by address or name, with a scheme (https://) or without",
  },
  output: { flag: "output", short: "o", value: "FILE", default: "config.yaml", parse: is.text, help: "what to write" },
  force: { flag: "force", parse: is.flag, help: "write over a file that is there" },
} as const;

const command: Command<typeof settings> = {
  name: "evenkeel config",
  summary: "Writes a configuration for `evenkeel proxy` with one service, to be edited by hand.",
  settings,
  examples: [
    "evenkeel config --sub-domain my-service --ingress-port 8080 --target-port 9090",
    "evenkeel config --hosts https://a.example.com,https://b.example.com --output proxy.yaml",
  ],
};

/**
 * `evenkeel config`: writes a configuration file, never over one that is there unless forced to.
 * @returns the exit code
 * @throws EvenkeelError as the settings do; EK_FILE_EXISTS, EK_FILE_UNREADABLE when it cannot be written,
 *   EK_PROXY_CONFIG_INVALID when the settings do not make a configuration that the proxy would take
 */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(command, args);
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return 0;
  }
  const { values } = loaded;
  const text = configText(values);
  // What is written here is read there: one that would be refused is never written.
  parseProxyConfig(text, values.output);
  write(values.output, text, values.force);
  process.stdout.write(`wrote ${values.output}; run it with: evenkeel proxy --config-file ${values.output}\n`);
  return 0;
}

function configText(values: Values<typeof settings>): string {
  const config = {
    proxy: {
      listen: { address: values.listenAddress, port: String(values.ingressPort) },
      services: [
        {
          name: values.subDomain,
          domain: `${values.subDomain}.${values.parentDomain}`.toLowerCase(),
          hosts: values.hosts.map((address) => ({ address, port: values.targetPort })),
        },
      ],
    },
  };
  return stringify(config);
}

function write(path: string, text: string, force: boolean): void {
  try {
    writeFileSync(path, text, { flag: force ? "w" : "wx" });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST")
      throw new EvenkeelError("EK_FILE_EXISTS", "the file is there already and was left as it is", {
        where: path,
        cause,
      });
    throw new EvenkeelError("EK_FILE_UNREADABLE", `the file cannot be written: ${message}`, { where: path, cause });
  }
}

function subDomain(text: string): string {
  if (!SERVICE.test(text)) throw new Error("is not a name of letters, digits and -");
  return text;
}

function hostList(text: string): readonly string[] {
  const hosts = text.split(",").map((host) => host.trim());
  for (const host of hosts) readHost(host, "");
  return hosts;
}
