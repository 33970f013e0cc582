import { createServer, type Server, type ServerResponse } from "node:http";
import type { Figures, Measurement } from "./measurement.ts";

/** `GET /health` (200 or 503) and `GET /metrics` (Prometheus text; measured when asked) over HTTP. */
export function httpServer(measurement: Measurement): Server {
  return createServer((request, response) => {
    const path = request.url?.split("?")[0];
    if (path === "/health") {
      const status = measurement.present ? "healthy" : "nothing to measure";
      send(response, measurement.present ? 200 : 503, "application/json", JSON.stringify({ status }));
    } else if (path === "/metrics") {
      void measurement.once().then((outcome) => {
        if (outcome.kind === "figures") send(response, 200, "text/plain; version=0.0.4", metricsText(outcome.figures));
        else send(response, 503, "text/plain", `${outcome.reason}\n`);
      });
    } else send(response, 404, "text/plain", "GET /health or /metrics\n");
  });
}

/** Figures in Prometheus' text format. */
export function metricsText(figures: Figures): string {
  const gauges: [name: string, help: string, value: number][] = [
    [
      "evenkeel_agent_cpu_utilisation_ratio",
      "CPU wanted (used and waited for) over what it may use.",
      figures.utilisation,
    ],
    ["evenkeel_agent_cpu_used_ratio", "CPU used over what it may use.", figures.used],
    ["evenkeel_agent_cpu_waited_ratio", "CPU waited for over what it may use.", figures.waited],
    ["evenkeel_agent_cpu_throttled_ratio", "Time held back by the quota over what it may use.", figures.throttled],
    ["evenkeel_agent_cpu_capacity_cores", "Cores that it may use.", figures.capacity],
    ["evenkeel_agent_memory_utilisation_ratio", "Memory used over what it may use.", figures.memory],
  ];
  return gauges
    .map(([name, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`)
    .join("");
}

function send(response: ServerResponse, code: number, type: string, body: string): void {
  response.writeHead(code, { "content-type": type }).end(body);
}
