import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import { ofRole, type Workload } from "../installation.ts";
import type { Lease } from "../objects.ts";
import { readyForMs } from "../pod-state.ts";
import { programOf, settingOf } from "../program.ts";

export interface LeaseFacts {
  readonly operator: Workload;
  readonly leaseName: string;
  readonly lease: Lease | undefined;
  /** The cluster's clock, in ms since 1970. */
  readonly nowMs: number;
}

const LEASE = "proxy-service-operator";
/** A replica that is ready takes a free lease in seconds. In ms. */
const PATIENCE_MS = 60_000;
/** A holder that is away for so many durations is not coming back, and nobody has taken its place. */
const DURATIONS = 4;

/** Operators that are ready, and of which none leads. */
export function judgeLease({ operator, leaseName, lease, nowMs }: LeaseFacts): Finding[] {
  if (!operator.pods.some((pod) => (readyForMs(pod, nowMs) ?? 0) > PATIENCE_MS)) return [];
  const seen = fault(lease, nowMs);
  if (seen === undefined) return [];
  return [
    {
      check: "lease",
      what: "no replica of the operator leads, so that nothing is carried out",
      where: `Lease ${operator.namespace}/${leaseName}, ${operator.key}`,
      seen,
      mend: `kubectl logs ${operator.ref} --all-pods --tail=20    # "the lease cannot be …": a missing right is mended by kubectl apply -f manifests/operator/access.yaml\nkubectl rollout restart ${operator.ref}`,
      explains: ["operator"],
      symptomOf: [operator.key],
    },
  ];
}

function fault(lease: Lease | undefined, nowMs: number): string | undefined {
  if (lease === undefined) return "there is no such Lease";
  const { holderIdentity = "", renewTime, leaseDurationSeconds = 15 } = lease.spec ?? {};
  const ageS = Math.round((nowMs - Date.parse(renewTime ?? "")) / 1000);
  if (Number.isNaN(ageS)) return "it was never held";
  // One that was given up is taken within seconds.
  if (ageS <= DURATIONS * Math.max(15, leaseDurationSeconds)) return undefined;
  return holderIdentity === ""
    ? `nobody holds it, since ${ageS} s`
    : `${holderIdentity} holds it and has not renewed it for ${ageS} s; it lasts ${leaseDurationSeconds} s`;
}

export const lease: Check = {
  name: "lease",
  looksFor: "an operator without a leader",
  async run(look) {
    const operators = ofRole(await look.installation(), "operator");
    const judged = operators.map(async (operator) => {
      const container = operator.controller?.spec?.template?.spec?.containers?.find(
        (each) => programOf(each) === "operator",
      );
      const set = container && settingOf(container, "lease-name", "EVENKEEL_OPERATOR_LEASE");
      const leaseName = set ?? LEASE;
      const found = await look.get<Lease>(RESOURCES.leases, operator.namespace, leaseName);
      return judgeLease({ operator, leaseName, lease: found, nowMs: look.nowMs });
    });
    return (await Promise.all(judged)).flat();
  },
};
