import { describeError, EvenkeelError } from "../../common/errors.ts";
import { type CommandTable, dispatch } from "../dispatch.ts";

/** The scenarios: each is one entry here, one file beside this one, and one script in k6/. */
const SCENARIOS: CommandTable = {
  upload: {
    summary: "upload a script to POST /reencrypt",
    examples: [
      "-u http://localhost:8080 -f my_script.py -n 1000 -c 20",
      "-u http://localhost:8080 -f my_script.py --rate 50 --duration 2m",
    ],
    load: async () => (await import("./upload.ts")).main,
  },
  proxy: {
    summary: "send requests of any method through a proxy; counts the answers by status",
    examples: [
      "-u http://localhost:8080/some/page -n 5000 -c 50",
      "-u http://localhost:8080 --host my-service --paths '/a,/b?c=d' --rate 200 --duration 1m",
    ],
    load: async () => (await import("./proxy.ts")).main,
  },
  cpu: {
    summary: "make an autoscaled service busy: GET /load, 1000 times, 20 at once",
    examples: ["-u http://localhost:30080"],
    load: async () => (await import("./cpu.ts")).main,
  },
  posture: {
    summary: "send images over MQTT to posture analysers; tells the time from publishing to the result",
    examples: ["--mqtt-broker localhost --rate 20 -n 200 --topics 10"],
    load: async () => (await import("./posture.ts")).main,
  },
};

/** The load could not be run, or not be judged. */
const NOT_RUN = 2;

/**
 * The `load` command: runs a scenario with k6 or the built-in generator.
 * @returns the exit code: 0 only if every request succeeded, 1 if not, 2 if the load could not be run
 */
export async function main(args: string[]): Promise<number> {
  try {
    return await dispatch("npm run load --", SCENARIOS, args);
  } catch (error) {
    if (!(error instanceof EvenkeelError)) throw error;
    console.error(describeError(error));
    return NOT_RUN;
  }
}
