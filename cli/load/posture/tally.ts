import type { Posture } from "../../../workloads/analyzer/estimate/estimator.ts";

/** What became of the images; times in milliseconds, of those that have a result. */
export interface PostureFigures {
  readonly sent: number;
  /** The broker has them. */
  readonly accepted: number;
  readonly results: number;
  /** Accepted, and without a result when the wait ended. */
  readonly missing: number;
  /** Results beyond one an image. */
  readonly repeated: number;
  readonly rejected: number;
  /** Results that tell the posture that was drawn. */
  readonly recognised: number;
  readonly seconds: number;
  readonly imagesPerSecond: number;
  /** From publishing to the result, over the broker both ways; null without results. */
  readonly latencyMs: { readonly p50: number; readonly p95: number; readonly p99: number; readonly max: number } | null;
}

interface Sent {
  readonly at: number;
  readonly posture: Posture;
  isAccepted: boolean;
  results: number;
}

/** Counts what is sent and what comes back. Times are values, in milliseconds. */
export class Tally {
  readonly #images = new Map<string, Sent>();
  readonly #latencies: number[] = [];
  #rejected = 0;
  #recognised = 0;
  #began: number | undefined;
  #last = 0;

  sent(id: string, posture: Posture, at: number): void {
    this.#began ??= at;
    this.#images.set(id, { at, posture, isAccepted: false, results: 0 });
  }

  accepted(id: string): void {
    const image = this.#images.get(id);
    if (image !== undefined) image.isAccepted = true;
  }

  /** Takes a result as the analyser tells it; those of others' images do not count. */
  result(text: string, at: number): void {
    const row = parse(text);
    const image = this.#images.get(row?.image_id ?? "");
    if (row === undefined || image === undefined) return;
    image.results += 1;
    if (image.results > 1) return;
    this.#last = at;
    this.#latencies.push(at - image.at);
    if (row.status === "rejected") this.#rejected += 1;
    if (row.posture === image.posture) this.#recognised += 1;
  }

  /** Images without a result. */
  get waiting(): number {
    return this.#images.size - this.#latencies.length;
  }

  figures(): PostureFigures {
    const images = [...this.#images.values()];
    const accepted = images.filter(({ isAccepted }) => isAccepted).length;
    const results = this.#latencies.length;
    const seconds = results === 0 ? 0 : (this.#last - (this.#began ?? this.#last)) / 1000;
    return {
      sent: images.length,
      accepted,
      results,
      missing: images.filter((image) => image.isAccepted && image.results === 0).length,
      repeated: images.reduce((sum, image) => sum + Math.max(0, image.results - 1), 0),
      rejected: this.#rejected,
      recognised: this.#recognised,
      seconds,
      imagesPerSecond: seconds > 0 ? results / seconds : 0,
      latencyMs: results === 0 ? null : latencies(this.#latencies),
    };
  }
}

/** Whether every image was sent, taken, and got exactly one result that is none of a rejection. */
export function hasPassed(figures: PostureFigures, total: number): boolean {
  const { accepted, results, repeated, rejected } = figures;
  return accepted === total && results === total && repeated === 0 && rejected === 0;
}

/** The figures as lines. */
export function postureText(figures: PostureFigures): string {
  const { latencyMs } = figures;
  const latency = (["p50", "p95", "p99", "max"] as const).map((key) => [
    `Publish to result ${key} (ms)`,
    latencyMs === null ? "none" : latencyMs[key].toFixed(1),
  ]);
  const rows = [
    ["Images sent", figures.sent],
    ["Taken by the broker", figures.accepted],
    ["Results", figures.results],
    ["Without a result", figures.missing],
    ["Results twice", figures.repeated],
    ["Rejected", figures.rejected],
    ["Posture as drawn", figures.recognised],
    ["Total Time (s)", figures.seconds.toFixed(2)],
    ["Throughput (images/s)", figures.imagesPerSecond.toFixed(2)],
    ...latency,
  ];
  return `${rows.map(([name, value]) => `${name}: ${value}`).join("\n")}\n`;
}

function latencies(values: readonly number[]): NonNullable<PostureFigures["latencyMs"]> {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}

function parse(text: string): { image_id?: string; status?: string; posture?: string } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
