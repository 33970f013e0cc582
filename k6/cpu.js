/**
 * Asks for a page that burns CPU, again and again: GET URL.
 *
 *   k6 run -e URL=http://localhost:30080/load k6/cpu.js
 *
 * URL is required; TOTAL is 1000 and CONCURRENT 20; the others are told by lib/options.js and lib/summary.js.
 */
import http from "k6/http";
import { loadOptions, timeoutOf } from "./lib/options.js";
import { record } from "./lib/record.js";
import { cpuText, summaryWriter } from "./lib/summary.js";

const { URL } = __ENV;
if (!URL) throw new Error("URL must be given with -e");

export const options = loadOptions({ TOTAL: "1000", CONCURRENT: "20", ...__ENV });
export const handleSummary = summaryWriter(__ENV, cpuText);

export default function cpu() {
  record(http.get(URL, { timeout: timeoutOf(__ENV) }));
}
