/** A request on its way through a simulated worker. */
export interface SimulatedRequest {
  readonly arrivedMs: number;
  /** In ms at speed 1. */
  readonly workMs: number;
  /** The proxy that sent it. */
  readonly proxy: number;
}

/** A worker that serves one request at a time, in order, on a machine that outside work may share. */
export class SimulatedWorker {
  /** When the running request ends; infinite while idle. */
  endsMs = Number.POSITIVE_INFINITY;
  /** The share of the machine that outside work takes. */
  outside = 0;
  readonly #speed: number;
  readonly #outsideIsSeen: boolean;
  readonly #queue: SimulatedRequest[] = [];
  #head = 0;
  #arrivals = 0;
  #wantedMs = 0;
  #countedMs = 0;

  /**
   * @param speed of its machine
   * @param outsideIsSeen whether the agent's figure includes outside work (it measures the machine) or only what the
   *   worker itself uses and waits for (it measures the container)
   */
  constructor(speed: number, outsideIsSeen: boolean) {
    this.#speed = speed;
    this.#outsideIsSeen = outsideIsSeen;
  }

  /** The speed at which requests are served now. */
  get rate(): number {
    return this.#speed * (1 - this.outside);
  }

  get inFlight(): number {
    return this.#queue.length - this.#head;
  }

  enqueue(nowMs: number, request: SimulatedRequest): void {
    this.#count(nowMs);
    this.#arrivals += 1;
    this.#queue.push(request);
    if (this.inFlight === 1) this.#start(nowMs);
  }

  /** Ends the running request and starts the next one. */
  finish(nowMs: number): SimulatedRequest {
    this.#count(nowMs);
    const done = this.#queue[this.#head] as SimulatedRequest;
    this.#head += 1;
    if (this.#head > 1000) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
    this.#start(nowMs);
    return done;
  }

  /** Changes how much outside work takes; what is left of the running request goes on at the new speed. */
  takeOutside(nowMs: number, share: number): void {
    this.#count(nowMs);
    const leftMs = (this.endsMs - nowMs) * this.rate;
    this.outside = share;
    if (this.inFlight > 0) this.endsMs = nowMs + leftMs / this.rate;
  }

  /** The share of the machine that was used or waited for in the last window: what an agent sees. */
  measure(nowMs: number, windowMs: number): number {
    this.#count(nowMs);
    const utilisation = Math.min(1, this.#wantedMs / windowMs);
    this.#wantedMs = 0;
    return utilisation;
  }

  /** Requests since the last call. */
  countArrivals(): number {
    const arrivals = this.#arrivals;
    this.#arrivals = 0;
    return arrivals;
  }

  #start(nowMs: number): void {
    const next = this.#queue[this.#head];
    this.endsMs = next === undefined ? Number.POSITIVE_INFINITY : nowMs + next.workMs / this.rate;
  }

  #count(nowMs: number): void {
    // A busy worker wants all of the machine, whether it gets it or not.
    this.#wantedMs += (nowMs - this.#countedMs) * (this.inFlight > 0 ? 1 : this.#outsideIsSeen ? this.outside : 0);
    this.#countedMs = nowMs;
  }
}
