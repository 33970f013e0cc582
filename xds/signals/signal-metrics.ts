import { Counter, Gauge, type Registry } from "prom-client";
import { CPU_SOURCES } from "./signal.ts";
import type { SignalTable } from "./table.ts";

/** Puts the table's figures into the registry; they are read when the metrics are. */
export function exposeSignals(table: SignalTable, registry: Registry): void {
  const registers = [registry];
  let told = 0;
  new Gauge({
    name: "evenkeel_signal_endpoints",
    help: "Endpoints whose CPU is known, by the source in use",
    labelNames: ["source"],
    registers,
    collect() {
      const { bySource } = table.statistics();
      for (const source of CPU_SOURCES) this.set({ source }, bySource[source]);
    },
  });
  new Gauge({
    name: "evenkeel_signal_oldest_seconds",
    help: "Age of the oldest CPU figure in use",
    registers,
    collect() {
      this.set(table.statistics().oldestMs / 1000);
    },
  });
  new Counter({
    name: "evenkeel_signals_refused_total",
    help: "Samples refused because they were not finite or below zero",
    registers,
    collect() {
      const { refused } = table.statistics();
      this.inc(refused - told);
      told = refused;
    },
  });
}
