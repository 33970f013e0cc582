import { describe, expect, it } from "vitest";
import { readDomain, readHost, readListen } from "./places.ts";

describe("a host", () => {
  it.each([
    ["10.0.0.1", "9090", { scheme: "http", address: "10.0.0.1", port: 9090 }],
    ["10.0.0.1", "", { scheme: "http", address: "10.0.0.1", port: 80 }],
    ["http://10.0.0.1", "", { scheme: "http", address: "10.0.0.1", port: 80 }],
    ["https://Example.COM/", "", { scheme: "https", address: "example.com", port: 443 }],
    ["https://example.com:8443", "", { scheme: "https", address: "example.com", port: 8443 }],
    ["example.com:81", "81", { scheme: "http", address: "example.com", port: 81 }],
    ["h2c://grpc_server.ns.svc", " 50051 ", { scheme: "h2c", address: "grpc_server.ns.svc", port: 50_051 }],
    ["h2://a.example.", "", { scheme: "h2", address: "a.example", port: 443 }],
    ["fd00::1", "1", { scheme: "http", address: "fd00::1", port: 1 }],
    ["[FD00::1]:65535", "", { scheme: "http", address: "fd00::1", port: 65_535 }],
  ])("%s and port %j", (address, port, host) => expect(readHost(address, port)).toEqual(host));

  it.each([
    ["", "1", "address", "must not be empty"],
    ["http://", "1", "address", "must not be empty"],
    ["ftp://a", "1", "address", "has a scheme that is not one of http, h2c, https, h2"],
    ["http://a/b", "1", "address", "carries a path"],
    ["http://a?b", "1", "address", "carries a path"],
    ["u:p@a", "1", "address", "carries a user name"],
    ["10.0.0.256", "1", "address", "is not an IPv4 address"],
    ["0.0.0.0", "1", "address", "stands for any address"],
    ["a b", "1", "address", "is not an address or a host name"],
    ["-a.example", "1", "address", "is not an address or a host name"],
    ["[a]", "1", "address", "is not an address or a host name"],
    ["a", "0", "port", "is not a port from 1 to 65535"],
    ["a", "65536", "port", "is not a port from 1 to 65535"],
    ["a", "80.5", "port", "is not a port from 1 to 65535"],
    ["a", "http", "port", "is not a port from 1 to 65535"],
    ["a:x", "", "port", "is not a port from 1 to 65535"],
    ["a:80", "81", "port", "is not the port 80 that the address carries"],
  ])("%j and port %j: the %s %s", (address, port, of, message) =>
    expect(() => readHost(address, port)).toThrow(
      expect.objectContaining({ of, message: expect.stringContaining(message) }),
    ),
  );
});

describe("where to listen", () => {
  it.each([
    ["127.0.0.1", "8080", { address: "127.0.0.1", port: 8080 }],
    ["", "", { address: "0.0.0.0", port: 8080 }],
    ["", "9000", { address: "0.0.0.0", port: 9000 }],
    ["http://0.0.0.0", "81", { address: "0.0.0.0", port: 81 }],
    ["localhost", "81", { address: "127.0.0.1", port: 81 }],
    ["::", "81", { address: "::", port: 81 }],
  ])("%j and port %j", (address, port, listen) => expect(readListen(address, port)).toEqual(listen));

  it.each([
    ["https://0.0.0.0", "1", "asks for TLS"],
    ["my-host", "1", "is not an IP address of this machine"],
    ["224.0.0.1", "1", "is a multicast"],
    ["127.0.0.1", "0", "is not a port from 1 to 65535"],
  ])("not %j and port %j", (address, port, message) => expect(() => readListen(address, port)).toThrow(message));
});

describe("a domain", () => {
  it.each([
    ["My-Service.Example.com.", "my-service.example.com"],
    ["*.example.com", "*.example.com"],
    ["*", "*"],
    ["127.0.0.1", "127.0.0.1"],
  ])("%s", (text, domain) => expect(readDomain(text)).toBe(domain));

  it.each([
    ["", "must not be empty"],
    ["http://a.example", "carries a scheme"],
    ["a.example:80", "carries a port"],
    ["a.example/b", "carries a path"],
    ["a*.example", "is not a domain name"],
    ["a..example", "is not a domain name"],
  ])("not %j", (text, message) => expect(() => readDomain(text)).toThrow(message));
});
