/** How the rig's programs are made from Go modules. Versions and hashes are pinned here and nowhere else. */

/** What a module's own `replace` lines are turned into in the module that requires it (Go ignores them there). */
type Replaces =
  /** It has none that matter. */
  | "none"
  /** Copied as they are. */
  | "own"
  /** Kubernetes: each folder `./staging/src/k8s.io/NAME` is published as a module of the matching version. */
  | "staging";

/** One Go module and the programs that are built from it. */
export interface Recipe {
  readonly module: string;
  readonly version: string;
  /** The module's `h1:` hash, as in go.sum. Go's checksum database vouches for what it needs. */
  readonly sum: string;
  readonly replaces: Replaces;
  /** Program, as it is called in the bin folder, to Go package. */
  readonly programs: Readonly<Record<string, string>>;
  /** More linker flags than `-s -w`. */
  readonly ldflags?: string;
  /** Built with cgo and against libseccomp. */
  readonly seccomp?: boolean;
}

export const KUBERNETES_VERSION = "1.36.3";
export const ISTIO_MODULE = "istio.io/istio";
export const ISTIO_VERSION = "v0.0.0-20260827124520-eed52ebb66ad";
export const KEDA_MODULE = "github.com/kedacore/keda/v2";
export const KEDA_VERSION = "v2.20.2";

const COMPONENT_VERSION = "k8s.io/component-base/version";
// Without these the servers call themselves v0.0.0-master, which clients cannot parse.
const kubernetesFlags = [
  `-X ${COMPONENT_VERSION}.gitVersion=v${KUBERNETES_VERSION}`,
  `-X ${COMPONENT_VERSION}.gitMajor=1`,
  `-X ${COMPONENT_VERSION}.gitMinor=36`,
].join(" ");

const kubernetesPrograms = [
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kubectl",
  "kubelet",
  "kube-proxy",
];

export const RECIPES: readonly Recipe[] = [
  {
    module: "go.etcd.io/etcd/server/v3",
    version: "v3.7.3",
    sum: "h1:KcTZ/aEZrOiQe0/kdr7iYYcvyfbEoOwDOacHkz8xwZc=",
    replaces: "none",
    programs: { etcd: "go.etcd.io/etcd/server/v3" },
  },
  {
    module: "k8s.io/kubernetes",
    version: `v${KUBERNETES_VERSION}`,
    sum: "h1:qDQdoMiluAE2Eab6Fa52YV+WjiGz9mZFFoagEA6cI+o=",
    replaces: "staging",
    programs: Object.fromEntries(kubernetesPrograms.map((name) => [name, `k8s.io/kubernetes/cmd/${name}`])),
    ldflags: kubernetesFlags,
  },
  {
    module: "github.com/containerd/containerd/v2",
    version: "v2.4.2",
    sum: "h1:p6Qg+xbEz8lvwdhHDx0U469xENvp4LgGBx+E7djXkGw=",
    replaces: "none",
    programs: Object.fromEntries(
      ["containerd", "containerd-shim-runc-v2", "ctr"].map((name) => [
        name,
        `github.com/containerd/containerd/v2/cmd/${name}`,
      ]),
    ),
  },
  {
    module: "github.com/opencontainers/runc",
    version: "v1.5.2",
    sum: "h1:eUUowc2WJCnFYzI87C1WqRcu356Dk/wsoi90y+2wEfE=",
    replaces: "none",
    programs: { runc: "github.com/opencontainers/runc" },
    seccomp: true,
  },
  {
    module: "github.com/containernetworking/plugins",
    version: "v1.9.0",
    sum: "h1:Mg3SXBdRGkdXyFC4lcwr6u2ZB2SDeL6LC3U+QrEANuQ=",
    replaces: "none",
    programs: Object.fromEntries(
      ["main/bridge", "ipam/host-local", "main/loopback", "meta/portmap"].map((path) => [
        `cni/${path.split("/")[1]}`,
        `github.com/containernetworking/plugins/plugins/${path}`,
      ]),
    ),
  },
  {
    module: "github.com/coredns/coredns",
    version: "v1.12.4",
    sum: "h1:rIMnjPvB02drP18DTlJJb1vGkc8Tyl8fe7NFnnSv2lU=",
    replaces: "none",
    programs: { coredns: "github.com/coredns/coredns" },
  },
  {
    module: "sigs.k8s.io/metrics-server",
    version: "v0.9.0",
    sum: "h1:nlqqZ2H0Xfko8eJC/1qaNVVT17hu4rxndkOi22KTZ4w=",
    replaces: "none",
    programs: { "metrics-server": "sigs.k8s.io/metrics-server/cmd/metrics-server" },
  },
  {
    module: ISTIO_MODULE,
    version: ISTIO_VERSION,
    sum: "h1:ui9TJjRMAV/hb5ehQaZDq7IUGxuQP6dra9lapT/VjHI=",
    replaces: "none",
    programs: {
      "pilot-discovery": "istio.io/istio/pilot/cmd/pilot-discovery",
      "pilot-agent": "istio.io/istio/pilot/cmd/pilot-agent",
      istioctl: "istio.io/istio/istioctl/cmd/istioctl",
    },
  },
  {
    module: KEDA_MODULE,
    version: KEDA_VERSION,
    sum: "h1:SR60v8uIcelbveS8n/1jcl8tLdBBIbHMxmdOHw8tKqA=",
    replaces: "own",
    programs: {
      "keda-operator": "github.com/kedacore/keda/v2/cmd/operator",
      "keda-adapter": "github.com/kedacore/keda/v2/cmd/adapter",
    },
  },
  {
    module: "sigs.k8s.io/kube-network-policies",
    version: "v0.8.0",
    sum: "h1:dzecRNzdmg+VmHEQWTIjxnCgf412J+8CKHqbKgCiWkk=",
    replaces: "none",
    programs: { "kube-network-policies": "sigs.k8s.io/kube-network-policies/cmd" },
  },
];

/** The recipe that makes a program. `pause` is not among them: see `pause.ts`. */
export function recipeOf(program: string): Recipe | undefined {
  return RECIPES.find((recipe) => program in recipe.programs);
}

/**
 * The `replace` lines (`old => new version`) for the throwaway module that requires a recipe's module.
 * @param ownGoMod the go.mod of the required module
 */
export function replaceLines(recipe: Pick<Recipe, "replaces" | "version">, ownGoMod: string): string[] {
  if (recipe.replaces === "none") return [];
  const lines = ownGoMod
    .split("\n")
    .filter((line) => line.includes("=>"))
    .map((line) => line.replace(/^\s*(replace\s+)?/, "").replace(/\s*\/\/.*$/, ""));
  if (recipe.replaces === "own") return lines;
  const published = `v0.${recipe.version.slice("v1.".length)}`;
  return lines
    .filter((line) => line.includes("=> ./staging"))
    .map((line) => line.split(/\s/)[0] as string)
    .map((name) => `${name} => ${name} ${published}`);
}
