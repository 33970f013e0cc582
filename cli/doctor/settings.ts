import { kubeSettings } from "../../common/kubernetes/config.ts";
import { type Command, is, type Values } from "../../common/settings.ts";

const settings = {
  ...kubeSettings,
  namespace: {
    flag: "namespace",
    short: "n",
    env: "EVENKEEL_NAMESPACE",
    value: "NAME",
    parse: is.anyText,
    default: "",
    help: "look at this namespace only, and at those of the control plane and of Istio; without one, at all",
  },
  systemNamespace: {
    flag: "system-namespace",
    env: "EVENKEEL_SYSTEM_NAMESPACE",
    value: "NAME",
    parse: is.text,
    default: "evenkeel",
    help: "namespace of the control plane and the operator",
  },
  istioNamespace: {
    flag: "istio-namespace",
    env: "EVENKEEL_ISTIO_NAMESPACE",
    value: "NAME",
    parse: is.text,
    default: "istio-system",
    help: "namespace of istiod",
  },
  consoleUrl: {
    flag: "console",
    env: "EVENKEEL_CONSOLE",
    value: "URL",
    parse: (text: string) => {
      if (text !== "" && !/^https?:\/\/[^/]/.test(text))
        throw new Error("is not an address such as http://127.0.0.1:18001");
      return text;
    },
    default: "",
    help: "the control plane's console, e.g. of a port-forward; without one it is asked through the API server",
  },
  json: { flag: "json", parse: is.flag, help: "one JSON object on standard output instead of text" },
} as const;

export const DOCTOR: Command<typeof settings> = {
  name: "evenkeel doctor",
  summary:
    "Looks at an installation and names its likeliest faults: what was seen, where, and what mends it. It changes nothing.\n" +
    "Ends with 0 when nothing is wrong, 1 with findings, 2 when nothing was found but not everything could be looked at,\n" +
    "or a setting cannot be used.",
  settings,
  examples: ["evenkeel doctor", "evenkeel doctor --namespace shop --json", "evenkeel doctor --context kind-dev"],
};

export type DoctorSettings = Values<typeof settings>;
