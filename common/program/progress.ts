/** Takes one line for a person who waits. */
export type OnProgress = (line: string) => void;

/** Writes progress to standard error: standard output is a command's answer. */
export const progressToStderr: OnProgress = (line) => void process.stderr.write(`${line}\n`);
