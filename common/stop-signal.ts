const STOP_SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** Settles with the next signal to stop; a second one ends the process, as it would have without us. */
export function nextStopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const onSignal = (signal: NodeJS.Signals): void => {
      for (const name of STOP_SIGNALS) process.off(name, onSignal);
      resolve(signal);
    };
    for (const name of STOP_SIGNALS) process.on(name, onSignal);
  });
}
