import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { exposeSignals } from "./signal-metrics.ts";
import { SignalTable } from "./table.ts";

test("the metrics say where CPU comes from, how old it is and how much was refused, each time anew", async () => {
  let nowMs = 0;
  const table = new SignalTable(() => nowMs);
  const registry = new Registry();
  exposeSignals(table, registry);
  table.recordCpu("a", { source: "agent", utilisation: 0.5, atMs: 0, overMs: 100 });
  table.recordCpu("a", { source: "agent", utilisation: Number.NaN, atMs: 0, overMs: 100 });
  nowMs = 1500;
  for (let reading = 0; reading < 2; reading += 1) {
    const text = await registry.metrics();
    expect(text).toContain('evenkeel_signal_endpoints{source="agent"} 1');
    expect(text).toContain("evenkeel_signal_oldest_seconds 1.5");
    expect(text).toContain("evenkeel_signals_refused_total 1");
  }
});
