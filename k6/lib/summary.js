import { STATUS_NAMES, statusMetric } from "./statuses.js";

const count = (data, metric, value) => data.metrics[metric]?.values[value] ?? 0;

/** The load's figures, out of what k6 gives to handleSummary. */
export function figuresOf(data) {
  // k6 calls the samples of a rate that are not zero its passes.
  const successful = count(data, "request_ok", "passes");
  const failed = count(data, "request_ok", "fails");
  const seconds = data.state.testRunDurationMs / 1000;
  const latency = data.metrics.request_latency?.values;
  return {
    totalRequests: successful + failed,
    successful,
    failed,
    notSent: count(data, "dropped_iterations", "count"),
    totalTimeSeconds: seconds,
    throughputPerSecond: seconds > 0 ? (successful + failed) / seconds : 0,
    latencyMs: latency === undefined ? null : { p50: latency["p(50)"], p95: latency["p(95)"], p99: latency["p(99)"] },
    statuses: Object.fromEntries(
      STATUS_NAMES.map((name) => [name, count(data, statusMetric(name), "count")]).filter(([, times]) => times > 0),
    ),
  };
}

const latencyRows = ({ latencyMs }) =>
  ["p50", "p95", "p99"].map((key) => [`Latency ${key} (ms)`, latencyMs === null ? "none" : latencyMs[key].toFixed(2)]);

const paceRows = (figures) => [
  ["Total Time (s)", figures.totalTimeSeconds.toFixed(2)],
  ["Throughput (req/s)", figures.throughputPerSecond.toFixed(2)],
  ...latencyRows(figures),
  // Only an open model can fall behind: no user was free when a request was due.
  ...(figures.notSent > 0 ? [["Not sent", figures.notSent]] : []),
];

const statusRows = ({ statuses }) =>
  STATUS_NAMES.filter((name) => statuses[name] > 0).map((name) => [
    { none: "No answer", other: "Other statuses" }[name] ?? `Status ${name}`,
    statuses[name],
  ]);

/** Statuses are worth their lines when something failed. */
const failedRows = (figures) => (figures.failed > 0 ? statusRows(figures) : []);

const lines = (rows) => `${rows.map(([name, value]) => `${name}: ${value}`).join("\n")}\n`;

const totalRows = (figures) => [
  ["Total Requests", figures.totalRequests],
  ["Successful", figures.successful],
  ["Failed", figures.failed],
];

/** The figures as lines, in the words of the load tester that came before. */
export function figuresText(figures) {
  return lines([...totalRows(figures), ...paceRows(figures), ...failedRows(figures)]);
}

/** The same, with the statuses always told. */
export function proxyText(figures) {
  return lines([...totalRows(figures), ...paceRows(figures), ...statusRows(figures)]);
}

/** The figures as lines, in the words of the CPU load test that came before. */
export function cpuText(figures) {
  return lines([
    ["Successful requests", figures.successful],
    ["Failed requests", figures.failed],
    ["Total requests", figures.totalRequests],
    ...paceRows(figures),
    ...failedRows(figures),
  ]);
}

/** A script's handleSummary: the figures as JSON into the file SUMMARY, or as lines on the terminal. */
export function summaryWriter(env, text = figuresText) {
  return (data) => {
    const figures = figuresOf(data);
    return env.SUMMARY ? { [env.SUMMARY]: JSON.stringify(figures) } : { stdout: text(figures) };
  };
}
