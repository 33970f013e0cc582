import { describe, expect, it } from "vitest";
import { parseProxyConfig } from "./parse.ts";

const EARLIER = `proxy:
  listen:
    address: 127.0.0.1
    port: '8080'
  services:
  - domain: my-service.mycompany.com
    hosts:
    - address: https://a.example
      port: ''
    - address: 10.0.0.2
      port: '9090'
    name: my-service
`;

function fault(text: string): string {
  try {
    parseProxyConfig(text, "config.yaml");
  } catch (error) {
    expect(error).toMatchObject({ code: "EK_PROXY_CONFIG_INVALID" });
    return (error as { describe(): string }).describe();
  }
  throw new Error("no fault was found");
}

const withServices = (services: string) =>
  `proxy:\n  listen: { address: 0.0.0.0, port: 8080 }\n  services:\n${services}`;
const service = (name: string, domain: string, hosts = "[{ address: 10.0.0.1, port: 1 }]") =>
  `    - { name: ${name}, domain: ${domain}, hosts: ${hosts} }\n`;

it("reads what the earlier system wrote: ports as texts and empty, addresses with a scheme", () => {
  expect(parseProxyConfig(EARLIER, "config.yaml")).toEqual({
    listen: { address: "127.0.0.1", port: 8080 },
    services: [
      {
        name: "my-service",
        domain: "my-service.mycompany.com",
        hosts: [
          { scheme: "https", address: "a.example", port: 443 },
          { scheme: "http", address: "10.0.0.2", port: 9090 },
        ],
        rewriteHost: false,
      },
    ],
  });
});

describe("each fault is named with its line", () => {
  it.each([
    ["an empty file", " \n", "config.yaml:1:1: the file is empty"],
    ["no YAML", "proxy: [", "config.yaml:1:9: "],
    ["nonsense", "just a line", "config.yaml:1:1: the file is not a map with proxy"],
    ["a list", "- 1", "config.yaml:1:1: the file is not a map with proxy"],
    ["no proxy", "proxies: {}", "config.yaml:1:1: proxies is not a known key (known: proxy)"],
    ["an empty proxy", "proxy:\n", "proxy is not a map with listen and services"],
    ["no listen", `proxy:\n  services:\n${service("a", "a")}`, "proxy.listen is not a map with address and port"],
    ["no services", "proxy:\n  listen: { port: 1 }\n", "proxy.services is missing"],
    [
      "an empty list of services",
      "proxy:\n  listen: { port: 1 }\n  services: []\n",
      "config.yaml:3:13: proxy.services has no service",
    ],
    [
      "port 0 to listen on",
      "proxy:\n  listen: { port: 0 }\n",
      "2:19 proxy.listen.port 0 is not a port from 1 to 65535",
    ],
    [
      "an unknown key",
      withServices(`${service("a", "a")}  limit: 3\n`),
      "config.yaml:5:3: proxy.limit is not a known key",
    ],
    ["no hosts", withServices(service("a", "a", "[]")), "config.yaml:4:36: proxy.services[0].hosts has no host"],
    [
      "port 65536 of a host",
      withServices(service("a", "a", "[{ address: b, port: 65536 }]")),
      "proxy.services[0].hosts[0].port 65536 is not a port from 1 to 65535",
    ],
    [
      "a host twice",
      withServices(service("a", "a", "[{ address: b }, { address: b, port: 80 }]")),
      "proxy.services[0].hosts[1] repeats b:80 of the same service",
    ],
    [
      "both kinds of HTTP",
      withServices(service("a", "a", "[{ address: b }, { address: h2c://c }]")),
      "proxy.services[0].hosts[1] mixes HTTP/1.1 and HTTP/2",
    ],
    [
      "a domain twice",
      withServices(service("a", "a.b") + service("c", "A.B.")),
      "config.yaml:5:26: proxy.services[1].domain a.b is the service a's already",
    ],
    [
      "a name twice",
      withServices(service("a", "a.b") + service("a", "c.d")),
      "config.yaml:5:15: proxy.services[1].name a is taken by an earlier service",
    ],
    [
      "a domain with a port",
      withServices(service("a", '"a.b:80"')),
      'proxy.services[0].domain "a.b:80" carries a port',
    ],
    ["a key twice", "proxy: {}\nproxy: {}\n", "config.yaml:2:1: "],
  ])("%s", (_, text, expected) => expect(fault(text)).toContain(expected));

  it("and all of them are told at once", () => {
    const told = fault(
      withServices(service("a", '"-"') + service("b", "b", "[{ address: '' }, { address: c, port: 0 }]")),
    );
    expect(told).toContain('config.yaml:4:26: proxy.services[0].domain "-" is not a domain name');
    expect(told).toContain('; 5:48 proxy.services[1].hosts[0].address "" must not be empty');
    expect(told).toContain("proxy.services[1].hosts[1].port 0 is not a port");
  });

  it("but not without end", () => {
    const many = Array.from({ length: 30 }, (_, at) => service(`s${at}`, '"-"')).join("");
    expect(fault(withServices(many))).toContain("; and 10 more");
  });
});
