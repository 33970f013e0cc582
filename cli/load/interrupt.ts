/** Ctrl-C, or SIGTERM, as a signal to end the load and tell the figures so far. */
export interface Interrupt {
  readonly signal: AbortSignal;
  /** Lets Ctrl-C end the process again, if it has not been pressed. */
  release(): void;
}

export function onInterrupt(): Interrupt {
  const controller = new AbortController();
  const { signal } = controller;
  const abort = () => controller.abort();
  process.on("SIGINT", abort).on("SIGTERM", abort);
  return {
    signal,
    release() {
      // npm passes on the SIGINT that the terminal has sent to us too: the second one must not end us amid the figures.
      if (!signal.aborted) process.off("SIGINT", abort).off("SIGTERM", abort);
    },
  };
}
