import { is, loadSettings } from "../../common/settings.ts";
import { runLoad } from "./scenario.ts";
import { LOAD_SETTINGS, urlSetting } from "./settings.ts";
import { readableFile } from "./target.ts";

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
      examples: [
        "npm run load -- upload -u http://localhost:8080 -f my_script.py -n 1000 -c 20",
        "npm run load -- upload -u http://localhost:8080 -f my_script.py --rate 50 --duration 2m --report report.html",
      ],
    },
    args,
  );
  if (loaded.kind === "help") {
    console.log(loaded.text);
    return 0;
  }
  const { url, file, ...values } = loaded.values;
  return await runLoad({ script: "upload.js", url, values, env: { FILE: await readableFile(file) } });
}
