/**
 * Uploads one file again and again: POST URL, multipart, field `file`.
 *
 *   k6 run -e URL=http://localhost:8080/reencrypt -e FILE=$PWD/my_script.py -e TOTAL=1000 -e CONCURRENT=20 k6/upload.js
 *
 * URL and FILE (absolute) are required; the others are told by lib/options.js and lib/summary.js.
 */
import http from "k6/http";
import { loadOptions, timeoutOf } from "./lib/options.js";
import { record } from "./lib/record.js";
import { summaryWriter } from "./lib/summary.js";

const { URL, FILE } = __ENV;
if (!URL || !FILE) throw new Error("URL and FILE must be given with -e");

const content = open(FILE, "b");
const name = FILE.slice(FILE.lastIndexOf("/") + 1);

export const options = loadOptions(__ENV);
export const handleSummary = summaryWriter(__ENV);

export default function upload() {
  const body = { file: http.file(content, name, "application/octet-stream") };
  record(http.post(URL, body, { timeout: timeoutOf(__ENV) }));
}
