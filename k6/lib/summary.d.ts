/** What a load came to. */
export interface Figures {
  readonly totalRequests: number;
  /** Answered 200, or what else the scenario takes for a success. */
  readonly successful: number;
  /** Answered otherwise, or not at all. */
  readonly failed: number;
  /** Due, but no user was free to send it (open model). */
  readonly notSent: number;
  readonly totalTimeSeconds: number;
  readonly throughputPerSecond: number;
  /** Of the successful ones, from the first byte sent to the last received; null when there were none. */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number } | null;
  /** How many answers of each status; `none`: no answer came; `other`: statuses that are not registered. */
  readonly statuses: Readonly<Record<string, number>>;
}

/** The part that is read of what k6 gives to handleSummary. */
export interface SummaryData {
  readonly metrics: Readonly<Record<string, { readonly values: Readonly<Record<string, number>> } | undefined>>;
  readonly state: { readonly testRunDurationMs: number };
}

export function figuresOf(data: SummaryData): Figures;

/** The figures as lines, in the words of the load tester that came before. */
export function figuresText(figures: Figures): string;

/** The same, with the statuses always told. */
export function proxyText(figures: Figures): string;

/** The figures as lines, in the words of the CPU load test that came before. */
export function cpuText(figures: Figures): string;

/**
 * A script's handleSummary: the figures as JSON into the file SUMMARY, or as lines on the terminal.
 * @param text makes the lines; {@link figuresText} when absent
 */
export function summaryWriter(
  env: Readonly<Record<string, string | undefined>>,
  text?: (figures: Figures) => string,
): (data: SummaryData) => object;
