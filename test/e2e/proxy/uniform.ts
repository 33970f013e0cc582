/** Pearson's chi-square statistic of counts that should all be alike. */
export function chiSquare(counts: readonly number[]): number {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
}

/**
 * How likely a uniform choice among `cells` gives at least this statistic: the upper tail of the chi-square distribution
 * with an even number of degrees of freedom, which has a closed form (Abramowitz and Stegun, 26.4.21).
 * @param cells an odd number
 */
export function pValue(statistic: number, cells: number): number {
  const half = statistic / 2;
  let term = 1;
  let sum = 1;
  for (let k = 1; k < (cells - 1) / 2; k++) {
    term *= half / k;
    sum += term;
  }
  return Math.exp(-half) * sum;
}
