import { is } from "../../../common/settings.ts";
import { PROMETHEUS_QUERY } from "../prometheus.ts";

/** The settings of the sources of CPU figures. */
export const signalSettings = {
  signals: {
    flag: "signals",
    env: "EVENKEEL_SIGNALS",
    value: "SOURCE",
    parse: is.choice("auto", "agent", "kubelet", "metrics-api", "prometheus"),
    default: "auto",
    help: "where CPU figures come from besides the agents: auto (what works; the freshest wins), agent (nowhere else), kubelet, metrics-api, prometheus",
  },
  kubeletAccess: {
    flag: "kubelet-access",
    env: "EVENKEEL_KUBELET_ACCESS",
    value: "WAY",
    parse: is.choice("proxy", "direct", "direct-insecure"),
    default: "proxy",
    help: "proxy: through the API server (right: nodes/proxy); direct: at the node (right: nodes/metrics); direct-insecure: the same, certificate unchecked",
  },
  prometheusUrl: {
    flag: "prometheus-url",
    env: "PROM_URL",
    value: "URL",
    parse: is.optionalUrl,
    default: "",
    help: "a Prometheus to ask, e.g. http://prometheus.monitoring:9090, which --signals prometheus needs; empty: none",
  },
  prometheusQuery: {
    flag: "prometheus-query",
    env: "EVENKEEL_PROMETHEUS_QUERY",
    value: "PROMQL",
    parse: is.text,
    default: PROMETHEUS_QUERY,
    help: "its answer has the labels namespace and pod, or instance (ADDRESS:PORT or ADDRESS)",
  },
  prometheusUnit: {
    flag: "prometheus-unit",
    env: "EVENKEEL_PROMETHEUS_UNIT",
    value: "UNIT",
    parse: is.choice("cores", "utilisation"),
    default: "cores",
    help: "what the query gives: cores in use, or a share from 0 to 1",
  },
  prometheusAge: {
    flag: "prometheus-age",
    env: "EVENKEEL_PROMETHEUS_AGE",
    value: "TIME",
    parse: is.duration(0, 3_600_000),
    default: "45s",
    help: "how old the query's figures are when it is answered: half its window and the scrape interval",
  },
} as const;
