import { type Child, startChild } from "../../common/child.ts";

/** Asleep while idle: on a machine short of CPU, a process that only looks for orders would wait for it, and look busy. */
const PROGRAM = `
import signal
BUSY, IDLE = signal.SIGUSR1, signal.SIGUSR2
signal.pthread_sigmask(signal.SIG_BLOCK, {BUSY, IDLE})
print("ready", flush=True)
busy = False
while True:
    order = signal.sigtimedwait({BUSY, IDLE}, 0) if busy else signal.sigwaitinfo({BUSY, IDLE})
    if order is not None:
        busy = order.si_signo == BUSY
    if busy:
        sum(range(2000))
`;

/** A process whose CPU is all or nothing, by command: the step of a step response. */
export interface Burner {
  readonly pid: number;
  busy(): void;
  idle(): void;
  stop(): Promise<void>;
}

/** Starts one; it is idle. */
export async function startBurner(name: string): Promise<Burner> {
  let ready = () => {};
  const started = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const child: Child = await startChild("python3", ["-I", "-c", PROGRAM], { name, onLine: () => ready() });
  await Promise.race([started, child.exited]);
  return {
    pid: child.pid,
    busy: () => child.signal("SIGUSR1"),
    idle: () => child.signal("SIGUSR2"),
    stop: () => child.stop(1000),
  };
}
