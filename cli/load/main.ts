import { type CommandTable, dispatch } from "../dispatch.ts";

/** The scenarios: each is one entry here, one file beside this one, and one script in k6/. */
const SCENARIOS: CommandTable = {
  upload: {
    summary: "upload a script to POST /reencrypt: -u URL -f FILE -n 1000 -c 20, or --rate 50 --duration 2m",
    load: async () => (await import("./upload.ts")).main,
  },
};

/**
 * The `load` command: runs a scenario with k6.
 * @returns the exit code: 0 only if every request succeeded
 */
export async function main(args: string[]): Promise<number> {
  return await dispatch("npm run load --", SCENARIOS, args);
}
