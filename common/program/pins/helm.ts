import { findProgram } from "../find.ts";
import type { Pin } from "../pin.ts";
import type { OnProgress } from "../progress.ts";

const VERSION = "v3.22.0";
/** The Kubernetes that `helm template` takes for granted, and `helm lint` looks for what is deprecated in; of this Helm. */
const KUBERNETES = { major: 1, minor: 37 };

const K8S_FLAGS = ["helm.sh/helm/v3/pkg/lint/rules", "helm.sh/helm/v3/pkg/chartutil"]
  .map((path) => `-X ${path}.k8sVersionMajor=${KUBERNETES.major} -X ${path}.k8sVersionMinor=${KUBERNETES.minor}`)
  .join(" ");

/** The Helm that our charts are tested with. */
export const HELM: Pin = {
  name: "helm",
  version: VERSION.slice(1),
  setting: "EVENKEEL_HELM",
  versionArgs: ["version", "--short"],
  ways: [
    {
      kind: "go",
      module: "helm.sh/helm/v3",
      version: VERSION,
      sum: "h1:n1if5iQgHYsujPAcO5oonH/KiSNUmqmUF0iGVjSF3AU=",
      package: "helm.sh/helm/v3/cmd/helm",
      // Built from a module, it knows neither its own patch version nor that of its Kubernetes.
      ldflags: `-X helm.sh/helm/v3/internal/version.version=${VERSION} ${K8S_FLAGS}`,
    },
  ],
};

/**
 * Finds Helm, or builds it from its source into the cache.
 * @returns the binary's path
 * @throws EvenkeelError as {@link findProgram} does
 */
export async function findHelm(options: { onProgress?: OnProgress } = {}): Promise<string> {
  return await findProgram(HELM, options);
}
