import { expect, test } from "vitest";
import { loadSettings } from "../common/settings.ts";
import { kubernetesFleetSettings } from "./fleet/kubernetes/settings.ts";
import { checkKubernetes } from "./kubernetes-settings.ts";
import { signalSettings } from "./signals/kubernetes/settings.ts";

const command = { name: "evenkeel x", summary: "x", settings: { ...kubernetesFleetSettings, ...signalSettings } };
const PROMETHEUS = "http://prometheus:9090";

function check(args: readonly string[], env: NodeJS.ProcessEnv = {}): void {
  const loaded = loadSettings(command, args, env);
  if (loaded.kind === "help") throw new Error("help");
  checkKubernetes(loaded.values);
}

test.each<[string[]]>([
  [[]],
  [["--signals", "agent"]],
  // PROM_URL may be in the environment for other programs.
  [["--prometheus-url", PROMETHEUS]],
  [["--kubernetes", "--service", "shop/web:80", "--signals", "kubelet"]],
  [["--kubernetes", "--signals", "prometheus", "--prometheus-url", PROMETHEUS]],
  [["--kubernetes", "--prometheus-url", PROMETHEUS]],
])("%j is taken", (args) => {
  expect(() => check(args)).not.toThrow();
});

test.each([
  [["--service", "shop/web:80"], "without --kubernetes nobody looks at --service"],
  [["--service", "shop/web:80", "--signals", "kubelet"], "--service, --signals"],
  [["--kubernetes", "--signals", "prometheus"], "and none is named"],
])("%j is refused", (args, message) => {
  expect(() => check(args)).toThrow(expect.objectContaining({ code: "EK_SETTING_INVALID" }));
  expect(() => check(args)).toThrow(message);
});
