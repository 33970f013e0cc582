import { describe, expect, test } from "vitest";
import type { Coverage } from "../signals/load-reports.ts";
import type { LoadSample } from "../signals/signal.ts";
import { computeWeights, NEUTRAL_WEIGHT } from "./law.ts";
import type { LawEndpoint, LawState } from "./law-input.ts";
import { type Random, seededRandom } from "./random.ts";
import { TUNING } from "./tuning.ts";

const NOW = 1_000_000;

function endpoint(
  key: string,
  utilisation: number,
  more: Partial<LawEndpoint> & { ageMs?: number; latest?: number } = {},
): LawEndpoint {
  const { ageMs = 0, latest = utilisation, ...rest } = more;
  return {
    key,
    state: "ready",
    ...rest,
    signal: { ...rest.signal, cpu: { source: "agent", utilisation, latest, atMs: NOW - ageMs, overMs: 100 } },
  };
}

function load(requestsPerSecond: number, errorsPerSecond = 0, inFlight = 1) {
  return { inFlight, requestsPerSecond, errorsPerSecond, busyMs: NOW, atMs: NOW };
}

function law(
  endpoints: readonly LawEndpoint[],
  more: { previous?: LawState; proxies?: number; coverage?: Coverage; nowMs?: number } = {},
) {
  return computeWeights({
    endpoints,
    previous: more.previous,
    proxies: more.proxies ?? 4,
    coverage: more.coverage ?? { reporters: 0, untilMs: Number.NEGATIVE_INFINITY },
    nowMs: more.nowMs ?? NOW,
  });
}

/** Fleets of every size with any figure that a source might give, sane or not. */
function anyFleet(random: Random): LawEndpoint[] {
  const odd = [0, 1, 1.5, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e-12];
  return Array.from({ length: Math.floor(random() * 30) }, (_, index) => {
    const utilisation = random() < 0.2 ? (odd[Math.floor(random() * odd.length)] as number) : random();
    const latest = random() < 0.5 ? utilisation : random();
    const rate = random() * 100;
    const slowAtMs = NOW - random() * 80_000;
    const overMs = random() * 60_000;
    const figures = Array.from({ length: Math.floor(random() * 4) }, (_, before) => {
      const atMs = slowAtMs - before * overMs * random() * 2;
      return { utilisation: random(), atMs, overMs, requestsPerSecond: random() < 0.5 ? undefined : random() * 100 };
    });
    const agent = { source: "agent", utilisation, latest, atMs: NOW - random() * 8000, overMs: 100 } as const;
    const slow = { source: "kubelet", utilisation, latest: utilisation, atMs: slowAtMs, overMs, figures } as const;
    const signal = {
      ...(random() < 0.15 ? {} : { cpu: random() < 0.5 ? agent : slow }),
      ...(random() < 0.5 ? {} : { load: load(rate, random() < 0.3 ? rate * random() : 0, random() * 50) }),
    };
    return {
      key: `10.0.0.${index}:80`,
      state: random() < 0.1 ? "draining" : "ready",
      signal: random() < 0.1 ? undefined : signal,
      knownForMs: random() < 0.5 ? undefined : random() * 20_000,
    };
  });
}

describe("whatever comes in", () => {
  test("weights are integers of at least 1 for every endpoint, their sum fits, and equal means equal", () => {
    const random = seededRandom(1);
    let previous: LawState | undefined;
    for (let round = 0; round < 2000; round += 1) {
      const endpoints = anyFleet(random);
      const result = law(endpoints, {
        ...(previous === undefined ? {} : { previous }),
        proxies: Math.floor(random() * 20),
        coverage: { reporters: Math.floor(random() * 20), untilMs: NOW - random() * 8000 },
      });
      const weights = [...result.weights.values()];
      expect([...result.weights.keys()]).toEqual(endpoints.map(({ key }) => key));
      for (const weight of weights) expect(Number.isInteger(weight) && weight >= 1).toBe(true);
      expect(weights.reduce((a, b) => a + b, 0)).toBeLessThan(2 ** 32);
      const ready = endpoints.filter(({ state }) => state === "ready").map(({ key }) => result.weights.get(key));
      expect(new Set(ready).size < 2).toBe(result.equal);
      previous = random() < 0.7 ? result : undefined;
    }
  });

  test("the order of the endpoints does not matter", () => {
    const random = seededRandom(2);
    for (let round = 0; round < 300; round += 1) {
      const endpoints = anyFleet(random);
      const there = law(endpoints);
      const back = law([...endpoints].reverse());
      // Sums differ in the last bit, which may tip a rounding: one step of the grid.
      for (const [key, weight] of there.weights)
        expect(Math.abs(Math.log2(weight / (back.weights.get(key) as number)))).toBeLessThan(0.6);
    }
  });

  test("a busier worker never gets a larger share", () => {
    const random = seededRandom(3);
    for (let round = 0; round < 300; round += 1) {
      const others = Array.from({ length: 5 }, (_, index) => endpoint(`o${index}`, random()));
      const utilisation = random() * 0.8;
      const share = (busy: number) => {
        const { weights } = law([endpoint("x", busy), ...others]);
        return (weights.get("x") as number) / [...weights.values()].reduce((a, b) => a + b, 0);
      };
      // Within the rounding of all six weights to the grid.
      expect(share(utilisation + 0.2)).toBeLessThanOrEqual(share(utilisation) * 2 ** (1 / TUNING.stepsPerOctave));
    }
  });

  test("the same inputs give the same weights, and weights told once are not told again", () => {
    const random = seededRandom(4);
    for (let round = 0; round < 300; round += 1) {
      const endpoints = anyFleet(random);
      const first = law(endpoints);
      expect(first.changed).toBe(true);
      expect(law(endpoints)).toEqual(first);
      if (!first.equal)
        expect(law(endpoints, { previous: first })).toMatchObject({ changed: false, weights: first.weights });
    }
  });

  test("a sum of very many endpoints still fits", () => {
    const many = Array.from({ length: 50_000 }, (_, index) => endpoint(String(index), index % 2));
    const { weights, equal } = law(many);
    expect(equal).toBe(false);
    expect([...weights.values()].reduce((a, b) => a + b, 0)).toBeLessThan(2 ** 32);
  });
});

describe("a worker made busy by outside work", () => {
  const others = [0.2, 0.35, 0.5].map((utilisation, index) => endpoint(`o${index}`, utilisation));

  test.each([1, 12])("loses most of its share, also with %i proxies", (proxies) => {
    const { weights, equal } = law([endpoint("busy", 1), ...others], { proxies });
    expect(equal).toBe(false);
    expect(weights.get("busy")).toBeLessThan((weights.get("o2") as number) / 4);
  });

  test("and gets it back when it is over", () => {
    const previous = law([endpoint("busy", 1), ...others]);
    expect(law([endpoint("busy", 0.1), ...others], { previous })).toMatchObject({ equal: true, changed: true });
  });

  test("is told from one that is busy with our own requests, where load reports say so", () => {
    const fleet = (rate: number) => [
      endpoint("x", 1, { signal: { load: load(rate) } }),
      ...[0, 1, 2].map((index) => endpoint(`o${index}`, 0.5, { signal: { load: load(50) } })),
    ];
    expect(law(fleet(100)).equal).toBe(true);
    const outside = law(fleet(10));
    expect(outside.weights.get("x")).toBeLessThan((outside.weights.get("o0") as number) / 4);
  });
});

describe("a step that the smoothed figure does not show yet", () => {
  const fleet = (more: Partial<LawEndpoint> = {}, utilisation = 0.1) => [
    endpoint("x", utilisation, { ...more, latest: 1 }),
    ...[0, 1, 2].map((index) => endpoint(`o${index}`, utilisation, more)),
  ];
  const loaded = (requestsPerSecond: number, more: Partial<LoadSample> = {}) => ({
    signal: { load: { ...load(requestsPerSecond, 0, 0), ...more } },
  });
  const all = { coverage: { reporters: 4, untilMs: NOW } };
  const ratio = (result: LawState) => (result.weights.get("x") as number) / (result.weights.get("o0") as number);

  test("counts when all proxies have reported since, and none sent requests", () => {
    expect(ratio(law(fleet(), all))).toBeLessThan(0.1);
  });

  test("counts when none was sent while the figure was measured", () => {
    expect(ratio(law(fleet(loaded(5, { busyMs: NOW - 2 * TUNING.windowMs })), all))).toBeLessThan(0.5);
  });

  test("does not count when a proxy does not report, or has not since: its requests may be the step", () => {
    expect(law(fleet(), { coverage: { reporters: 3, untilMs: NOW } }).equal).toBe(true);
    expect(law(fleet(), { coverage: { reporters: 4, untilMs: NOW - 1 } }).equal).toBe(true);
  });

  test("counts the less, the more CPU a request takes", () => {
    // 1 ms, 2.5 ms and 20 ms each.
    expect(ratio(law(fleet(loaded(100)), all))).toBeLessThan(0.1);
    expect(ratio(law(fleet(loaded(40)), all))).toBeLessThan(0.5);
    expect(law(fleet(loaded(5)), all).equal).toBe(true);
  });

  test("does not count while a request is under way, or while there are too few to tell what one takes", () => {
    expect(law(fleet(loaded(100, { inFlight: 1 })), all).equal).toBe(true);
    expect(law(fleet(loaded(1), 0.001), all).equal).toBe(true);
  });
});

describe("equal weights", () => {
  test.each([
    ["no endpoint", []],
    ["one endpoint", [endpoint("a", 1)]],
    ["an idle fleet", [endpoint("a", 0), endpoint("b", 1e-9), endpoint("c", 0.02)]],
    ["all saturated", [endpoint("a", 1), endpoint("b", 1), endpoint("c", 0.98)]],
    ["workers that wait for I/O, whose CPU says nothing", [endpoint("a", 0.03), endpoint("b", 0.08)]],
    [
      "no signal at all",
      [
        { key: "a", state: "ready" },
        { key: "b", state: "ready" },
      ],
    ],
    ["one known endpoint among unknown ones", [endpoint("a", 1), { key: "b", state: "ready" }]],
    ["old signals", [endpoint("a", 1, { ageMs: 5000 }), endpoint("b", 0, { ageMs: 6000 })]],
  ] satisfies [string, LawEndpoint[]][])("for %s", (_, endpoints) => {
    const { weights, equal } = law(endpoints);
    expect(equal).toBe(true);
    expect([...weights.values()]).toEqual(endpoints.map(() => NEUTRAL_WEIGHT));
  });

  test("take more to leave than to return to, so that nothing flaps between", () => {
    const between = [endpoint("a", 0.72), endpoint("b", 0.2), endpoint("c", 0.2)];
    expect(law(between).equal).toBe(true);
    const unequal = law([endpoint("a", 1), endpoint("b", 0.2), endpoint("c", 0.2)]);
    expect(law(between, { previous: unequal }).equal).toBe(false);
  });
});

describe("age", () => {
  test("fades weights to equal ones, without a step", () => {
    const endpoints = [endpoint("busy", 1), endpoint("b", 0.3), endpoint("c", 0.3)];
    let before = 0;
    for (let ageMs = 0; ageMs <= TUNING.goneMs; ageMs += 100) {
      const { weights } = law(endpoints, { nowMs: NOW + ageMs });
      const ratio = (weights.get("busy") as number) / (weights.get("b") as number);
      expect(ratio).toBeGreaterThanOrEqual(before);
      before = ratio;
    }
    expect(before).toBe(1);
  });

  test("is measured in service times where requests run long", () => {
    const slow = { signal: { load: load(1, 0, 5) } };
    const endpoints = [endpoint("busy", 1, { ...slow, ageMs: 6000 }), endpoint("b", 0.1, { ...slow, ageMs: 6000 })];
    expect(law(endpoints).equal).toBe(false);
    expect(law(endpoints, { nowMs: NOW + 60_000 }).equal).toBe(true);
  });
});

describe("a slow source", () => {
  const OVER_MS = 15_000;

  /** An endpoint whose last figures, newest first, are these. */
  function slow(key: string, utilisations: readonly number[], more: { ageMs?: number; rates?: number[] } = {}) {
    const { ageMs = 30_000, rates = [] } = more;
    const figures = utilisations.map((utilisation, index) => {
      const atMs = NOW - ageMs - index * OVER_MS;
      return { utilisation, atMs, overMs: OVER_MS, requestsPerSecond: rates[index] };
    });
    const [newest] = figures;
    if (newest === undefined) throw new Error("no figures");
    const { utilisation, atMs } = newest;
    const cpu = { source: "metrics-api", utilisation, latest: utilisation, atMs, overMs: OVER_MS, figures } as const;
    return { key, state: "ready", signal: { cpu } } as const;
  }

  const calm = ["b", "c"].map((key) => slow(key, [0.2, 0.2, 0.2, 0.2]));
  const all = { coverage: { reporters: 4, untilMs: NOW } };
  const nobodys = {
    inFlight: 0,
    requestsPerSecond: 0,
    errorsPerSecond: 0,
    busyMs: Number.NEGATIVE_INFINITY,
    atMs: NOW,
  };
  const idle = (endpoints: readonly LawEndpoint[]) =>
    endpoints.map((one) => ({ ...one, signal: { ...one.signal, load: nobodys } }));
  /** Without a request of ours, all that they use is outside work. */
  const lawOf = (...endpoints: LawEndpoint[]) => law(idle(endpoints), all);

  test("takes share from an endpoint that all of its last figures call busy, and gives nobody more than the mean", () => {
    const { weights, equal } = lawOf(slow("a", [1, 0.9, 1]), ...calm);
    expect(equal).toBe(false);
    expect(weights.get("a")).toBeLessThan(NEUTRAL_WEIGHT / 10);
    expect([weights.get("b"), weights.get("c")]).toEqual([NEUTRAL_WEIGHT, NEUTRAL_WEIGHT]);
  });

  test("does not without load reports either", () => {
    expect(law([slow("a", [1, 1, 1]), ...calm]).weights.get("a")).toBeLessThan(NEUTRAL_WEIGHT / 2);
  });

  test.each([
    ["one figure of three", [1, 0.2, 0.2]],
    ["two figures of three", [1, 1, 0.2]],
    ["the middle of two", [0.2, 1, 1]],
    ["two figures, and no more are known", [1, 1]],
  ])("leaves a burst alone that is in %s", (_, utilisations) => {
    expect(lawOf(slow("a", utilisations), ...calm).equal).toBe(true);
  });

  test("gives the share back with the first figure that is calm again", () => {
    const previous = lawOf(slow("a", [1, 1, 1]), ...calm);
    expect(law(idle([slow("a", [0.2, 1, 1]), ...calm]), { ...all, previous })).toMatchObject({
      equal: true,
      changed: true,
    });
  });

  test("tells trouble, not shades: an endpoint of not much less than the mean speed counts as average", () => {
    const previous = lawOf(slow("a", [1, 1, 1]), ...calm);
    const shades = [slow("a", [1, 1, 1]), slow("b", [0.5, 0.5, 0.5]), slow("c", [0.1, 0.1, 0.1])];
    const { weights } = law(idle(shades), { ...all, previous });
    expect(weights.get("b")).toBe(weights.get("c"));
  });

  test("is compared with the requests of its own time, not with those of now", () => {
    // Of 4 ms each: all that it does is ours. By now there are none any more.
    const rates = [225, 225, 225];
    const [busy, ...others] = [
      slow("a", [0.9, 0.9, 0.9], { rates }),
      slow("b", [0.2, 0.2, 0.2], { rates: [50, 50, 50] }),
      slow("c", [0.2, 0.2, 0.2], { rates: [50, 50, 50] }),
    ];
    const ours = { load: { ...nobodys, requestsPerSecond: 50 } };
    const at = (load: object) => [
      { ...busy, signal: { ...busy.signal, ...load } } as LawEndpoint,
      ...others.map((one) => ({ ...one, signal: { ...one.signal, ...ours } })),
    ];
    expect(law(at({ load: nobodys }), all).equal).toBe(true);
    // With as few requests as the others had, it is outside work.
    const outside = slow("a", [0.9, 0.9, 0.9], { rates: [50, 50, 50] });
    expect(law([{ ...outside, signal: { ...outside.signal, ...ours } }, ...at(ours).slice(1)], all).equal).toBe(false);
  });

  test("counts in full until its next figure is overdue, then fades", () => {
    const ratio = (ageMs: number) => {
      const { weights } = lawOf(slow("a", [1, 1, 1], { ageMs }), ...calm);
      return (weights.get("a") as number) / (weights.get("b") as number);
    };
    const freshMs = TUNING.slowFreshPeriods * OVER_MS;
    expect(ratio(freshMs)).toBe(ratio(0));
    expect(ratio(TUNING.slowGonePeriods * OVER_MS)).toBe(1);
  });

  test("and agents may tell of one cluster: each counts by its own rules", () => {
    const agents = ["b", "c"].map((key) => endpoint(key, 0.2));
    expect(lawOf(slow("a", [1, 1, 1]), ...agents).weights.get("a")).toBeLessThan(NEUTRAL_WEIGHT / 3);
    expect(lawOf(slow("a", [1, 0.2, 0.2]), ...agents).equal).toBe(true);
    expect(lawOf(endpoint("a", 1), ...calm).weights.get("a")).toBeLessThan(NEUTRAL_WEIGHT / 20);
  });
});

describe("membership", () => {
  const unequal = [endpoint("busy", 1), endpoint("b", 0.3), endpoint("c", 0.3)];

  test("an endpoint that comes without a signal gets the neutral weight and moves nobody", () => {
    const previous = law(unequal);
    const next = law([...unequal, { key: "new", state: "ready" }], { previous });
    expect(next.weights.get("new")).toBe(NEUTRAL_WEIGHT);
    for (const [key, weight] of previous.weights) expect(next.weights.get(key)).toBe(weight);
    expect(next.changed).toBe(true);
  });

  test("a new endpoint that looks idle gets no more than the neutral weight at first", () => {
    // Load reports let an old idle worker earn more than the mean.
    const withLoad = unequal.map((one) => ({ ...one, signal: { ...one.signal, load: load(20) } }));
    const fresh = (knownForMs?: number) =>
      law([...withLoad, { ...endpoint("new", 0, { signal: { load: load(20) } }), knownForMs }]).weights.get(
        "new",
      ) as number;
    expect(fresh(1000)).toBe(NEUTRAL_WEIGHT);
    expect(fresh(60_000)).toBeGreaterThan(NEUTRAL_WEIGHT);
  });

  test("a draining endpoint has no influence on the others", () => {
    const idle = [endpoint("b", 0.3), endpoint("c", 0.3)];
    expect(law([{ ...endpoint("a", 1), state: "draining" }, ...idle]).equal).toBe(true);
  });

  test("one that leaves is a change", () => {
    const previous = law(unequal);
    expect(law(unequal.slice(0, 2), { previous }).changed).toBe(true);
  });
});

describe("failing fast", () => {
  const fleet = (errors: readonly number[]) =>
    errors.map((errorsPerSecond, index) =>
      endpoint(`e${index}`, errorsPerSecond > 0 ? 0.02 : 0.6, { signal: { load: load(50, errorsPerSecond) } }),
    );

  test("earns nothing, although such a worker looks idle", () => {
    const { weights } = law(fleet([50, 0, 0, 0]));
    expect(weights.get("e0")).toBeLessThan((weights.get("e1") as number) / 8);
  });

  test("of all of them, say through a broken backend, holds nobody back", () => {
    expect(law(fleet([50, 50, 50, 50])).equal).toBe(true);
  });

  test("a single failure on a quiet endpoint does not count", () => {
    const quiet = [1, 2, 3].map((index) =>
      endpoint(`e${index}`, 0.1, { signal: { load: load(0.2, index === 1 ? 0.1 : 0) } }),
    );
    expect(law(quiet).equal).toBe(true);
  });
});
