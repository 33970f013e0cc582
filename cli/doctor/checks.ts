import type { Check } from "./check.ts";
import { agents } from "./checks/agents.ts";
import { autoscaler } from "./checks/autoscaler.ts";
import { bootstrap } from "./checks/bootstrap.ts";
import { certificates } from "./checks/certificates.ts";
import { claimedTwice } from "./checks/claimed-twice.ts";
import { clock } from "./checks/clock.ts";
import { cpuSources } from "./checks/cpu-sources.ts";
import { crashLoop } from "./checks/crash-loop.ts";
import { descriptors } from "./checks/descriptors.ts";
import { edsRejected } from "./checks/eds-rejected.ts";
import { endpoints } from "./checks/endpoints.ts";
import { envoyFilter } from "./checks/envoy-filter.ts";
import { imagePull } from "./checks/image-pull.ts";
import { installed } from "./checks/installed.ts";
import { istio } from "./checks/istio.ts";
import { keda } from "./checks/keda.ts";
import { lease } from "./checks/lease.ts";
import { metricsApi } from "./checks/metrics-api.ts";
import { networkPolicy } from "./checks/network-policy.ts";
import { notReady } from "./checks/not-ready.ts";
import { proxyService } from "./checks/proxy-service.ts";
import { queue } from "./checks/queue.ts";
import { refusedPods } from "./checks/refused-pods.ts";
import { restarts } from "./checks/restarts.ts";
import { scalerAddress } from "./checks/scaler-address.ts";
import { signals } from "./checks/signals.ts";
import { unschedulable } from "./checks/unschedulable.ts";

/** All checks, in the order in which their findings are told: what others rest on comes first. */
export const CHECKS: readonly Check[] = [
  installed,
  imagePull,
  refusedPods,
  unschedulable,
  crashLoop,
  notReady,
  clock,
  certificates,
  istio,
  lease,
  claimedTwice,
  proxyService,
  endpoints,
  bootstrap,
  envoyFilter,
  networkPolicy,
  edsRejected,
  agents,
  signals,
  cpuSources,
  metricsApi,
  autoscaler,
  keda,
  scalerAddress,
  restarts,
  queue,
  descriptors,
];
