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
  };
}

/** The figures as lines, in the words of the load tester that came before. */
export function figuresText(figures) {
  const latency = (key) => (figures.latencyMs === null ? "none" : figures.latencyMs[key].toFixed(2));
  const rows = [
    ["Total Requests", figures.totalRequests],
    ["Successful", figures.successful],
    ["Failed", figures.failed],
    ["Total Time (s)", figures.totalTimeSeconds.toFixed(2)],
    ["Throughput (req/s)", figures.throughputPerSecond.toFixed(2)],
    ["Latency p50 (ms)", latency("p50")],
    ["Latency p95 (ms)", latency("p95")],
    ["Latency p99 (ms)", latency("p99")],
    // Only an open model can fall behind: no user was free when a request was due.
    ...(figures.notSent > 0 ? [["Not sent", figures.notSent]] : []),
  ];
  return `${rows.map(([name, value]) => `${name}: ${value}`).join("\n")}\n`;
}

/** A script's handleSummary: the figures as JSON into the file SUMMARY, or as lines on the terminal. */
export function summaryWriter(env) {
  return (data) => {
    const figures = figuresOf(data);
    return env.SUMMARY ? { [env.SUMMARY]: JSON.stringify(figures) } : { stdout: figuresText(figures) };
  };
}
