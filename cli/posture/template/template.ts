import { stringify } from "yaml";
import type { Desired } from "../../../common/kubernetes/apply.ts";
import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import { requirePrometheusUrl } from "../../../xds/scaler/settings.ts";
import type { TemplateSettings } from "../settings.ts";
import { access } from "./access.ts";
import { requireBrokerSettings } from "./broker.ts";
import { requireDatabaseSettings } from "./database.ts";
import { objectOf } from "./marks.ts";
import { scalerPolicy } from "./network-policy.ts";
import { controller, scaler } from "./programs.ts";
import { scaledJob, tlsAuthentication } from "./scaled-job.ts";

/** Everything that is put into the cluster, in the order in which it is. Secrets are not part of it. */
export interface PostureObjects {
  readonly namespace: Desired;
  /** Controller and scaler, with what they need. */
  readonly programs: readonly Desired[];
  readonly scaledJobs: readonly Desired[];
}

/**
 * The one template: manifests on disk and what `apply` sends both come out of it.
 * @throws EvenkeelError EK_SETTING_INVALID
 */
export function postureObjects(settings: TemplateSettings, env: NodeJS.ProcessEnv): PostureObjects {
  requirePrometheusUrl(settings);
  requireBrokerSettings(settings);
  requireDatabaseSettings(settings, env);
  return {
    namespace: objectOf(RESOURCES.namespaces, settings.namespace, { madeFor: settings.namespace }),
    programs: [
      ...access(settings),
      ...controller(settings),
      ...scaler(settings),
      scalerPolicy(settings),
      ...tlsAuthentication(settings),
    ],
    scaledJobs: Array.from({ length: settings.jobs }, (_, number) => scaledJob(settings, number, env)),
  };
}

/** The manifests, by file name. */
export function manifests(settings: TemplateSettings, env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const { namespace, programs, scaledJobs } = postureObjects(settings, env);
  const resources = ["namespace.yaml", "scaler.yaml", "scaledjobs-all.yaml"];
  const kustomization = { apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization", resources };
  return {
    "namespace.yaml": yaml([namespace]),
    "scaler.yaml": yaml(programs),
    "scaledjob.yaml": yaml(scaledJobs.slice(0, 1)),
    "scaledjobs-all.yaml": yaml(scaledJobs),
    "kustomization.yaml": yaml([kustomization]),
  };
}

function yaml(objects: readonly object[]): string {
  const head = "# Written by `evenkeel posture build`.\n";
  return (
    head + objects.map((object) => stringify(object, { aliasDuplicateObjects: false, lineWidth: 0 })).join("---\n")
  );
}
