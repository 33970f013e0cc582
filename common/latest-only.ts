/**
 * Runs work each time that it is asked for, one run after the other: of what is asked for during a run, one more run follows.
 * @param work must not reject
 * @param signal after it, no run begins
 * @returns asks for a run
 */
export function latestOnly(work: () => Promise<void>, signal: AbortSignal): () => void {
  let asked = false;
  let working = false;
  const run = async () => {
    if (working) return;
    working = true;
    while (asked && !signal.aborted) {
      asked = false;
      await work();
    }
    working = false;
  };
  return () => {
    asked = true;
    void run();
  };
}
