/** Told one line for people. */
export type Progress = (line: string) => void;

/** Steps with numbers, and lines within them, on standard output. */
export interface Steps {
  next(title: string): void;
  readonly note: Progress;
}

export function makeSteps(total: number, write: (text: string) => void): Steps {
  let done = 0;
  return {
    next(title) {
      done++;
      write(`[${done}/${total}] ${title}\n`);
    },
    note: (line) => write(`      ${line}\n`),
  };
}
