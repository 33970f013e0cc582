import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { is, loadSettings } from "../../common/settings.ts";
import type { LoadRequest } from "./generator/exchange.ts";
import { multipart, streamedMultipart } from "./multipart.ts";
import { runLoad } from "./scenario.ts";
import { LOAD_SETTINGS, oneModel, urlSetting } from "./settings.ts";
import { readableFile } from "./target.ts";

/** A larger file is read from the disk for each upload, in bytes. */
const MOST_IN_MEMORY = 64 * 2 ** 20;

const EXAMPLES = [
  "npm run load -- upload -u http://localhost:8080 -f my_script.py -n 1000 -c 20",
  "npm run load -- upload -u http://localhost:8080 -f my_script.py --rate 50 --duration 2m",
] as const;

/** Runs `load upload`; resolves to the exit code. */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(
    {
      name: "npm run load -- upload",
      summary: "Uploads one file again and again (POST /reencrypt, field `file`). A 5xx, or any answer but 200, fails.",
      settings: {
        url: urlSetting("/reencrypt"),
        file: { flag: "file", short: "f", value: "FILE", parse: is.text, help: "what to upload" },
        ...LOAD_SETTINGS,
      },
      examples: EXAMPLES,
    },
    args,
  );
  if (loaded.kind === "help") {
    console.log(loaded.text);
    return 0;
  }
  const { url, file: path, ...given } = loaded.values;
  const values = oneModel(given);
  const file = await readableFile(path);
  return await runLoad({
    url,
    values,
    script: "upload.js",
    env: { FILE: file },
    requests: () => uploads(url, file),
  });
}

async function uploads(url: URL, file: string): Promise<() => LoadRequest> {
  const form = (await stat(file)).size > MOST_IN_MEMORY ? streamedMultipart : multipart;
  const { type, body } = await form(file, basename(file));
  const request = { url, method: "POST", headers: { "content-type": type }, body };
  return () => request;
}
