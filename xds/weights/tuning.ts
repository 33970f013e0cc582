/**
 * The constants of the weight law, each with where it comes from. "Measured" means in the simulation of `simulation.ts`,
 * whose table `npm run bench -- law` prints; docs/weights.md holds one run of it.
 */
export interface Tuning {
  /** Weight = speed^exponent. */
  readonly exponent: number;
  /** Least speed that is believed, as a share of a whole machine. */
  readonly leastSpeed: number;
  /** Share of its machine that a worker is taken to use for our requests where no load report says it. */
  readonly assumedOwnUse: number;
  /** What the last figure of an agent is about, in ms: a request before that has left no trace in it. */
  readonly windowMs: number;
  /** From this CPU time of a request on, in ms, the smoothed utilisation is used; below, a mean of it and the last sample. */
  readonly smoothedFromMs: number;
  /** Fewer requests to an endpoint that has any, in the time that their rate is about (a second for agents), do not tell what one costs: the rate says how many there were, not when. */
  readonly tellingRequests: number;
  /** So many imagined requests of the mean endpoint's rate are added to each endpoint's reported ones. */
  readonly priorRequests: number;
  /** A signal up to this age counts in full, in ms. */
  readonly freshMs: number;
  /** From this age on a signal counts no more, in ms. */
  readonly goneMs: number;
  /** The same two ages in mean service times; the longer of the two limits holds. */
  readonly freshServiceTimes: number;
  readonly goneServiceTimes: number;
  /** Trouble that a slow source tells (each but the agent) counts when all of its figures of so long tell it, in ms. */
  readonly agreeMs: number;
  /** A slow source's figure counts in full up to this age, in times that it is a mean over ... */
  readonly slowFreshPeriods: number;
  /** ... and no more from this one on. */
  readonly slowGonePeriods: number;
  /** A slow source's endpoint above this part of the mean speed counts as average; ... */
  readonly slowTrouble: number;
  /** ... above this one where no load report says what our requests use. */
  readonly slowTroubleUnreported: number;
  /** Equal weights are left when the largest is more than this many times the smallest: with one proxy ... */
  readonly leaveEqualOneProxy: number;
  /** ... and with more. */
  readonly leaveEqualManyProxies: number;
  /** They return when the largest is less than the band to leave to this power times the smallest: the hysteresis. */
  readonly returnToEqualPower: number;
  /** A weight stays as it is unless its target is this many times larger or smaller. */
  readonly keepWithin: number;
  /** Weights are rounded to a grid with so many steps for each factor of two. */
  readonly stepsPerOctave: number;
  /** Bounds of a weight relative to the fleet's mean endpoint. */
  readonly smallest: number;
  readonly largest: number;
  /** For so long a new endpoint may get less than the neutral weight but not more, in ms. */
  readonly slowStartMs: number;
  /** An endpoint may fail this much more of its requests than the others do before it is held back, as a share. */
  readonly errorTolerance: number;
  /** Load reports older than this are not used, in ms. */
  readonly loadGoneMs: number;
}

export const TUNING: Tuning = {
  // DESIGN.md "The one idea": with several proxies, speed^2 and active_request_bias 2 beat speed. Measured: 3 is no better.
  exponent: 2,
  // Measured: 0.05 and 0.2 give the same p99. A lower one would leave a busy worker no requests to be noticed by.
  leastSpeed: 0.1,
  // Measured without load reports: at 0.1 own fluctuations of a calm fleet become weights, from 0.5 on nothing does.
  assumedOwnUse: 0.3,
  // One look of an agent at 10 Hz, and what a report may take longer on its way than a figure.
  windowMs: 120,
  // Measured, calm fleets of twelve proxies without any smoothing: requests of 20 ms leave weights equal for 5 % of the time,
  // of 5 ms for 66 %. From 5 ms on in full and in proportion below, both are as calm as if all were smoothed; from 10 ms on, 20
  // ms at a load of 5 % is so for 85 %. p99 with outside work is the same with all of them.
  smoothedFromMs: 5,
  // Measured: at 0, a calm fleet of a few long requests (150 ms, load 5 %) pushes a fifth more often than if all were smoothed;
  // from 3 on, it does not. Own use is then at most the assumed one: measured with three workers, two proxies, uploads of 450 ms
  // at 1.5/s and outside work of 0.8 on one, its share of the requests goes from 11 to 6 %, p99 from 4.8 to 3.2 s.
  tellingRequests: 3,
  // Measured: from 10 to 30 the gain is the same, at 0 a calm fleet of slow requests is unequal most of the time. A Poisson
  // count of 20 has a standard deviation of 22 %: fewer requests say little about one worker's share.
  priorRequests: 20,
  // Five reports of an agent at 10 Hz: a late or lost one changes nothing.
  freshMs: 500,
  // Measured: at 2 s weights still help many proxies, one no longer; at 10 s the law gives equal weights, and must.
  goneMs: 5000,
  // DESIGN.md "The one idea": weights help at an age of 1 service time and harm at 30; 10 is the geometric middle, rounded up.
  freshServiceTimes: 1,
  goneServiceTimes: 10,
  // Measured with means over 15 s that are 15 to 45 s old, p99 in parts of that without weights, at 10, 25, 40 and 55 s: bursts of
  // 10 s 1.45, 1.16, 1.04 and 0.99 with twelve proxies, 1.61, 1.00, 0.92 and 1.01 with four; five minutes of trouble on one of
  // twelve workers 0.28 to 0.30. 40 s are three means over 15 s, or four over 10 s; 55 s would be answered after 100 s at worst.
  agreeMs: 40_000,
  // metrics-server's figure is read at an age of up to 38 s (counted by the kubelet 15 s before, read by metrics-server each 15 s,
  // by us each 7.5 s and a tenth) and replaced within 15 s. Three times 15 s is more; a fourth one missing is a silent source.
  slowFreshPeriods: 3,
  slowGonePeriods: 4,
  // Measured likewise, five seeds: bursts 1.11 and 1.02 at 0.5, 1.04 and 0.96 at 0.4, 1.01 and 0.96 at 0.35; five minutes of
  // trouble are answered the same. Without any such limit, weights differ between all workers: bursts 1.44 and 1.68 (at 25 s).
  slowTrouble: 0.4,
  // Measured, twelve proxies: trouble 0.51 at 0.5, 1.00 at 0.4; bursts 1.01 at 0.5. The assumed own use makes speeds alike.
  slowTroubleUnreported: 0.5,
  // Measured: a calm fleet stays equal for 92 % of the time and more from 3 on. One proxy sees every queue itself, so that
  // weights have less to add (machines of half speed: p99 8.4 service times without them, 10.3 at 3.5, 8.6 at 5); but from 5
  // on, a worker that outside work keeps busy among half-busy ones is noticed too late.
  leaveEqualOneProxy: 4,
  leaveEqualManyProxies: 3,
  // Half of the band, as weights are ratios: what holds them unequal must be clearly less than what made them so.
  returnToEqualPower: 0.5,
  // Measured: 1.5 pushes a fifth less and costs a little of the gain in p99; 2 halves the pushes and costs most of it.
  keepWithin: 1.25,
  // Steps of 19 %, a little finer than keepWithin.
  stepsPerOctave: 4,
  // Below 1/32, the schedule needs more than 32 picks a host until the light one comes, and nobody would see it recover.
  smallest: 1 / 32,
  largest: 8,
  // Ten times what the rates of load reports are over, after which its own use is known.
  slowStartMs: 10_000,
  // Twice the 5 % that alerting rules commonly start from; a healthy service stays far below.
  errorTolerance: 0.1,
  // Ten times what their rates are over.
  loadGoneMs: 10_000,
};
