/** The first `major.minor.patch` in what a program prints about itself. */
export function parseVersion(text: string): string | undefined {
  return /(?<![\w.])v?(\d+\.\d+\.\d+)/.exec(text)?.[1];
}

/** Whether two `major.minor.patch` versions have the same major and minor. */
export function sameMinor(one: string, other: string): boolean {
  const minor = (version: string) => version.split(".").slice(0, 2).join(".");
  return minor(one) === minor(other);
}

/** Whether `version` is `wanted` or newer; both are numbers between dots, missing ones count as 0. */
export function atLeast(version: string, wanted: string): boolean {
  const have = version.split(".").map(Number);
  const want = wanted.split(".").map(Number);
  for (let i = 0; i < Math.max(have.length, want.length); i++) {
    const difference = (have[i] ?? 0) - (want[i] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
