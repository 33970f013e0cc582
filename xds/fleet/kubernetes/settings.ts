import { kubeSettings } from "../../../common/kubernetes/config.ts";
import { is } from "../../../common/settings.ts";
import { parseServices } from "./service-reference.ts";

/** The settings of a control plane that reads its fleet from Kubernetes. */
export const kubernetesFleetSettings = {
  kubernetes: {
    flag: "kubernetes",
    env: "EVENKEEL_KUBERNETES",
    parse: is.flag,
    help: "read the endpoints from Kubernetes: Istio's clusters as they are asked for, --service, and those of --fleet",
  },
  ...kubeSettings,
  namespace: {
    flag: "namespace",
    env: "EVENKEEL_NAMESPACE",
    value: "NAME",
    parse: is.anyText,
    default: "",
    help: "watch this namespace only, which needs no ClusterRole; empty: all",
  },
  services: {
    flag: "service",
    env: "EVENKEEL_SERVICES",
    value: "NS/NAME:PORT,…",
    parse: parseServices,
    default: "",
    help: "Services that are clusters of their own name, for an Envoy without Istio",
  },
} as const;
