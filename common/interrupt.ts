/** The exit code of who was interrupted before the end, as shells have it. */
export const INTERRUPTED = 130;

/** Within this time a second signal is the same Ctrl-C: npm passes on what the terminal has sent to us too. */
const ONE_PRESS_MS = 500;

/** Ctrl-C, or SIGTERM, as a signal to end what runs and to clean up. */
export interface Interrupt {
  readonly signal: AbortSignal;
  /** Lets Ctrl-C end the process again, if it has not been pressed: the same press must not end us amid the last words. */
  release(): void;
}

/** The first signal aborts, another press ends the process at once. @param names the signals that count */
export function onInterrupt(names: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM"]): Interrupt {
  const controller = new AbortController();
  const { signal } = controller;
  let firstMs = 0;
  const onSignal = () => {
    if (!signal.aborted) {
      firstMs = performance.now();
      controller.abort();
    } else if (performance.now() - firstMs > ONE_PRESS_MS) process.exit(INTERRUPTED);
  };
  for (const name of names) process.on(name, onSignal);
  return {
    signal,
    release() {
      if (!signal.aborted) for (const name of names) process.off(name, onSignal);
    },
  };
}
