/**
 * Sends requests through a proxy and counts the answers by status.
 *
 *   k6 run -e "URL=http://localhost:8080/a http://localhost:8080/b" -e HOST_HEADER=my-service k6/proxy.js
 *
 * URL is required: one or several, with spaces between, asked for in turn. METHOD (GET), HOST_HEADER, BODY (the absolute
 * path of a file) and EXPECT (statuses that are successes, with commas between; 200) may be given; the others are told by
 * lib/options.js and lib/summary.js.
 */
import http from "k6/http";
import { loadOptions, timeoutOf } from "./lib/options.js";
import { record } from "./lib/record.js";
import { proxyText, summaryWriter } from "./lib/summary.js";

const { URL, METHOD, HOST_HEADER, BODY, EXPECT } = __ENV;
if (!URL) throw new Error("URL must be given with -e");

const urls = URL.split(" ");
const body = BODY ? open(BODY, "b") : null;
const accepted = (EXPECT || "200").split(",").map(Number);
const headers = {
  ...(HOST_HEADER ? { Host: HOST_HEADER } : {}),
  ...(BODY ? { "Content-Type": "application/octet-stream" } : {}),
};

export const options = loadOptions(__ENV);
export const handleSummary = summaryWriter(__ENV, proxyText);

export default function proxy() {
  // Each user begins with another one, so that all are asked for alike.
  const url = urls[(__VU + __ITER) % urls.length];
  record(http.request(METHOD || "GET", url, body, { headers, timeout: timeoutOf(__ENV) }), accepted);
}
