import { loadSettings } from "../../common/settings.ts";
import { cpuText } from "../../k6/lib/summary.js";
import { runLoad } from "./scenario.ts";
import { LOAD_SETTINGS, oneModel, urlSetting } from "./settings.ts";

const USUAL_TOTAL = 1000;

const EXAMPLES = [
  "npm run load -- cpu -u http://localhost:30080",
  "npm run load -- cpu -u http://localhost:30080 -n 200 -c 5 --json",
] as const;

/** Runs `load cpu`; resolves to the exit code. */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(
    {
      name: "npm run load -- cpu",
      summary: "Makes an autoscaled service busy: GET /load, which burns CPU for 5 s. Any answer but 200 fails.",
      settings: {
        url: urlSetting("/load"),
        ...LOAD_SETTINGS,
        total: {
          ...LOAD_SETTINGS.total,
          help: `requests in all, ${USUAL_TOTAL} unless given (closed model: without --rate)`,
        },
        concurrent: { ...LOAD_SETTINGS.concurrent, default: "20" },
      },
      examples: EXAMPLES,
    },
    args,
  );
  if (loaded.kind === "help") {
    console.log(loaded.text);
    return 0;
  }
  const { url, ...given } = loaded.values;
  const values = oneModel(given, USUAL_TOTAL);
  const request = { url, method: "GET" };
  return await runLoad({ url, values, script: "cpu.js", requests: async () => () => request, text: cpuText });
}
