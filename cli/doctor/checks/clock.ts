import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";

/** A clock beside the API server's. */
export interface ClockReading {
  readonly where: string;
  /** This machine's is no part of the installation, but what it compares with others' times is as wrong. */
  readonly local: boolean;
  /** Ahead of the API server by so much, in ms; negative: behind. */
  readonly aheadMs: number;
}

/** Less than this hurts nothing. In ms. */
const TOLERATED_MS = 5000;

export function judgeClocks(readings: readonly ClockReading[]): Finding[] {
  return readings
    .filter(({ aheadMs }) => Math.abs(aheadMs) > TOLERATED_MS)
    .map(({ where, local, aheadMs }) => ({
      check: "clock",
      what: `${local ? "this machine's clock" : "a node's clock"} and the API server's are ${Math.round(Math.abs(aheadMs) / 1000)} s apart`,
      where,
      seen: `it is ${Math.round(Math.abs(aheadMs) / 1000)} s ${aheadMs > 0 ? "ahead of" : "behind"} the API server: certificates, tokens and the age of CPU figures are misjudged`,
      mend: `${local ? "" : "on the node of that pod: "}sudo timedatectl set-ntp true && timedatectl status`,
    }));
}

export const clock: Check = {
  name: "clock",
  looksFor: "clocks that are apart",
  async run(look) {
    const { apiAheadMs } = look;
    const consoles = look.scope.consoleUrl === "" ? await look.consoles() : [];
    const pods = consoles.flatMap((console) =>
      console.aheadMs === undefined
        ? []
        : [{ where: console.where, local: false, aheadMs: console.aheadMs - apiAheadMs }],
    );
    return judgeClocks([{ where: "this machine", local: true, aheadMs: -apiAheadMs }, ...pods]);
  },
};
