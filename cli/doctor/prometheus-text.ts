const LINE = /^([a-zA-Z_:][\w:]*)(?:\{([^}]*)\})?\s+(\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/**
 * The sum of a metric's series in Prometheus' text format; undefined when there is none.
 * @param wanted labels that a series must have
 */
export function sumOf(text: string, name: string, wanted: Readonly<Record<string, string>> = {}): number | undefined {
  let sum: number | undefined;
  for (const line of text.split("\n")) {
    const [, metric, labelText = "", value] = LINE.exec(line) ?? [];
    if (metric !== name) continue;
    const labels = Object.fromEntries([...labelText.matchAll(LABEL)].map(([, key = "", label = ""]) => [key, label]));
    if (Object.entries(wanted).every(([key, label]) => labels[key] === label)) sum = (sum ?? 0) + Number(value);
  }
  return sum;
}
