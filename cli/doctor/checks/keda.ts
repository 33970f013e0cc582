import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import type { Check } from "../check.ts";
import type { Finding } from "../finding.ts";
import { type Installation, ofRole } from "../installation.ts";
import { listed, shortened } from "../mend.ts";
import { olderThan, type Scaled } from "../objects.ts";
import { conditionOf } from "../pod-state.ts";

export interface KedaFacts {
  readonly installation: Installation;
  /** ScaledJobs with an external trigger, or of ours; undefined: the cluster does not know the kind. */
  readonly scaledJobs: readonly Scaled[] | undefined;
  readonly nowMs: number;
}

const INSTALL =
  "helm repo add kedacore https://kedacore.github.io/charts && helm install keda kedacore/keda -n keda --create-namespace";
/** KEDA looks at a new ScaledJob within seconds. In ms. */
const PATIENCE_MS = 120_000;

/** KEDA missing where ScaledJobs are wanted, asleep, or not content with one. */
export function judgeKeda({ installation, scaledJobs, nowMs }: KedaFacts): Finding[] {
  const scalers = ofRole(installation, "scaler");
  if (scaledJobs === undefined)
    return scalers.length === 0
      ? []
      : [
          {
            check: "keda",
            what: "KEDA is not installed",
            where: scalers.map(({ key }) => key).join(", "),
            seen: "the external scaler is there, and nothing serves keda.sh: no job can be released",
            mend: `${INSTALL}\nevenkeel posture apply`,
          },
        ];
  const silent = scaledJobs.filter(
    ({ metadata, status }) =>
      (status?.conditions ?? []).length === 0 && olderThan(metadata.creationTimestamp, PATIENCE_MS, nowMs),
  );
  const faulty = scaledJobs.flatMap((scaled) => {
    const ready = conditionOf(scaled.status?.conditions, "Ready");
    return ready?.status === "False" ? [{ scaled, ready }] : [];
  });
  const first = faulty[0];
  return [
    ...(silent.length === 0
      ? []
      : [
          {
            check: "keda",
            what: "KEDA's operator does not look at the ScaledJobs",
            where: listed(silent.map(nameOf)),
            seen: "they have no status",
            mend: `kubectl get pods -A -l app=keda-operator\n${INSTALL}    # when there is none`,
          },
        ]),
    ...(first === undefined
      ? []
      : [
          {
            check: "keda",
            what: "KEDA cannot use ScaledJobs as they are",
            where: listed(faulty.map(({ scaled }) => nameOf(scaled))),
            seen: shortened(`${first.ready.reason}: ${first.ready.message}`),
            mend: `kubectl describe scaledjob ${first.scaled.metadata.name} -n ${first.scaled.metadata.namespace}    # its trigger`,
            symptomOf: ["scaler", ...scalers.map(({ key }) => key)],
          },
        ]),
  ];
}

function nameOf({ metadata }: Scaled): string {
  return `ScaledJob ${metadata.namespace}/${metadata.name}`;
}

export const keda: Check = {
  name: "keda",
  looksFor: "KEDA missing or not content where ScaledJobs are wanted",
  async run(look) {
    const [installation, all] = await Promise.all([
      look.installation(),
      look.listIfServed<Scaled>(RESOURCES.scaledJobs),
    ]);
    const scaledJobs = all?.filter(
      ({ metadata, spec }) =>
        metadata.name.startsWith("posture-") || spec?.triggers?.some(({ type }) => type?.startsWith("external")),
    );
    return judgeKeda({ installation, scaledJobs, nowMs: look.nowMs });
  },
};
