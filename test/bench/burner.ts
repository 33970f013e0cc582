import { type Child, startChild } from "../../common/child.ts";

const PROGRAM = `
import signal, time
busy = False
def be(value):
    def handler(*_):
        global busy
        busy = value
    return handler
signal.signal(signal.SIGUSR1, be(True))
signal.signal(signal.SIGUSR2, be(False))
print("ready", flush=True)
while True:
    if busy:
        sum(range(2000))
    else:
        time.sleep(0.005)
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
