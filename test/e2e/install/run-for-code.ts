import { execFile } from "node:child_process";

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program whose exit code is part of its answer. @throws Error when it cannot start or a signal ends it */
export function runForCode(words: readonly string[], options: { readonly cwd: string }): Promise<Ended> {
  const [command = "", ...args] = words;
  return new Promise((resolve, reject) => {
    execFile(command, args, { ...options, maxBuffer: 64 * 2 ** 20 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === "number") resolve({ code, stdout, stderr });
      else reject(error);
    });
  });
}
