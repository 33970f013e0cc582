import { readFile } from "node:fs/promises";
import { is, loadSettings } from "../../common/settings.ts";
import { proxyText } from "../../k6/lib/summary.js";
import type { LoadRequest } from "./generator/exchange.ts";
import { runLoad } from "./scenario.ts";
import { LOAD_SETTINGS, oneModel, urlSetting } from "./settings.ts";
import { readableFile } from "./target.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

const EXAMPLES = [
  "npm run load -- proxy -u http://localhost:8080/some/page -n 5000 -c 50",
  "npm run load -- proxy -u http://localhost:8080 --host my-service.example.com --paths '/a,/b?c=d' --rate 200 --duration 1m",
  "npm run load -- proxy -u http://localhost:8080/item --method PUT --body item.json --expect 200,201,204",
] as const;

const COMMAND = {
  name: "npm run load -- proxy",
  summary: "Sends requests through a proxy and counts the answers by status.",
  settings: {
    url: { ...urlSetting(""), help: "the proxy, http or https, with the path to ask for" },
    method: {
      flag: "method",
      short: "X",
      value: "METHOD",
      parse: is.choice(...METHODS),
      default: "GET",
      help: METHODS.join(", "),
    },
    host: {
      flag: "host",
      value: "NAME",
      parse: hostName,
      default: "",
      help: "the Host header, by which a proxy finds the service; the URL's own when empty",
    },
    paths: {
      flag: "paths",
      value: "PATHS",
      parse: paths,
      default: "",
      help: "paths with their queries, with commas between, asked for in turn instead of the URL's",
    },
    body: {
      flag: "body",
      value: "FILE",
      parse: (text: string) => (text === "" ? undefined : text),
      default: "",
      help: "what to send with each request, as application/octet-stream",
    },
    expect: {
      flag: "expect",
      value: "STATUSES",
      parse: statuses,
      default: "200",
      help: "the statuses that are successes, with commas between",
    },
    ...LOAD_SETTINGS,
  },
  examples: EXAMPLES,
} as const;

/** Runs `load proxy`; resolves to the exit code. */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(COMMAND, args);
  if (loaded.kind === "help") {
    console.log(loaded.text);
    return 0;
  }
  const { url, method, host, paths, body: path, expect, ...given } = loaded.values;
  const values = oneModel(given);
  const body = path === undefined ? undefined : await readableFile(path);
  const urls = paths.length === 0 ? [url] : paths.map((path) => new URL(path, url));
  return await runLoad({
    url,
    values,
    script: "proxy.js",
    env: {
      URL: urls.map(({ href }) => href).join(" "),
      METHOD: method,
      EXPECT: expect.join(","),
      ...(host === undefined ? {} : { HOST_HEADER: host }),
      ...(body === undefined ? {} : { BODY: body }),
    },
    requests: () => requestsInTurn({ urls, method, host, body }),
    accepted: expect,
    text: proxyText,
  });
}

interface Requests {
  readonly urls: readonly URL[];
  readonly method: string;
  readonly host: string | undefined;
  /** Path of the body's file. */
  readonly body: string | undefined;
}

async function requestsInTurn({ urls, method, host, body }: Requests): Promise<(index: number) => LoadRequest> {
  const content = body === undefined ? undefined : await readFile(body);
  const headers = {
    ...(host === undefined ? {} : { host }),
    ...(content === undefined ? {} : { "content-type": "application/octet-stream" }),
  };
  const all = urls.map((url) => ({ url, method, headers, ...(content === undefined ? {} : { body: content }) }));
  return (index) => all[index % all.length] as LoadRequest;
}

function hostName(text: string): string | undefined {
  if (text === "") return undefined;
  if (!/^[a-z0-9._-]+(:\d+)?$|^\[[0-9a-f:.]+\](:\d+)?$/i.test(text))
    throw new Error("is not a host, such as my-service");
  return text;
}

function paths(text: string): readonly string[] {
  const all = text === "" ? [] : text.split(",").map((path) => path.trim());
  // Two slashes would name another host.
  if (!all.every((path) => /^\/(?!\/)/.test(path))) throw new Error("is not a list of paths such as /a,/b?c=d");
  return all;
}

function statuses(text: string): readonly number[] {
  const all = text.split(",").map(Number);
  if (!all.every((status) => Number.isInteger(status) && status >= 200 && status <= 599))
    throw new Error("is not a list of HTTP statuses such as 200,204");
  return all;
}
