import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parseAllDocuments } from "yaml";
import project from "../package.json" with { type: "json" };
import { type ApiServer, startApiServer } from "../test/rig/api-server.ts";

vi.setConfig({ testTimeout: 120_000 });

/** Programs that are not in the cache yet are built first. */
const BUILD_MS = 3_600_000;
const HERE = import.meta.dirname;
const LONG = { timeout: 60_000, interval: 200 };
const FOLDERS = ["base", "overlays/istio", "overlays/standalone", "agent-injection"];

let server: ApiServer;
beforeAll(async () => {
  server = await startApiServer({ onProgress: (line) => process.stderr.write(`rig: ${line}\n`) });
  await server.kubectl(["create", "namespace", "evenkeel"]);
}, BUILD_MS);
afterAll(async () => {
  await server?.stop();
}, 60_000);

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly resources?: object;
  readonly securityContext?: object;
  readonly readinessProbe?: object;
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly securityContext?: object;
  readonly serviceAccountName?: string;
  readonly shareProcessNamespace?: boolean;
}

interface Built {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: PodSpec & { readonly template: { readonly spec: PodSpec } };
  readonly rules?: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
}

const documents = (text: string) => parseAllDocuments(text).map((document) => document.toJS() as Built);

async function build(folder: string): Promise<Built[]> {
  return documents(await server.kubectl(["kustomize", join(HERE, folder)]));
}

describe.each(FOLDERS)("%s", (folder) => {
  it("is taken by a real API server, without a warning", async () => {
    const objects = await build(folder);
    // Custom resources cannot be tried before their definition is there; the folder itself holds none.
    const flags = ["--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", "-"];
    const text = await server.kubectl(["kustomize", join(HERE, folder)]);
    const answer = await server.kubectl(["apply", "--server-side", ...flags], text);
    expect(answer.trim().split("\n")).toHaveLength(objects.length);
  });

  it("runs every container without rights, with an image of this version", async () => {
    for (const { spec } of (await build(folder)).filter(({ kind }) => kind === "Deployment")) {
      const { containers, securityContext, serviceAccountName } = spec.template.spec;
      expect(serviceAccountName).toMatch(/^(evenkeel-control-plane|evenkeel-gateway|proxy-service-account)$/);
      expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
      for (const container of containers) {
        expect(container.image).toMatch(new RegExp(`^evenkeel/(evenkeel|proxy):${project.version}$`));
        expect(container).toMatchObject({
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          },
          readinessProbe: expect.anything(),
          resources: { requests: { cpu: expect.anything(), memory: expect.anything() } },
        });
      }
    }
  });
});

it("the operator's folder is complete in the overlay, and by itself with kubectl apply -f", async () => {
  const names = (objects: readonly Built[]) => objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort();
  const folder = await server.kubectl([
    "create",
    "--dry-run=client",
    "-o",
    "yaml",
    "-f",
    join(HERE, "operator"),
    "--validate=false",
  ]);
  const alone = documents(folder).flatMap((each) => ("items" in each ? (each.items as Built[]) : [each]));
  expect(alone.length).toBeGreaterThan(5);
  expect(names(await build("overlays/istio"))).toEqual(expect.arrayContaining(names(alone)));
});

it("the control plane may read and nothing else", async () => {
  const rules = (await build("base")).find(({ kind }) => kind === "ClusterRole")?.rules ?? [];
  expect(rules.length).toBeGreaterThan(3);
  expect([...new Set(rules.flatMap(({ verbs }) => verbs))].sort()).toEqual(["get", "list", "watch"]);
  expect(rules.flatMap(({ resources }) => resources)).not.toContain("secrets");
  expect(rules.flatMap(({ resources }) => resources)).not.toContain("nodes/proxy");
});

describe("agent injection", () => {
  beforeAll(async () => {
    const text = await server.kubectl(["kustomize", join(HERE, "agent-injection")]);
    await server.kubectl(["apply", "--server-side", "-f", "-"], text);
    // Nothing makes it in a cluster without a controller manager.
    await server.kubectl(["apply", "-f", "-"], JSON.stringify(account("default")));
    // A policy works some time after it is written.
    await vi.waitFor(async () => expect(await agentOf(pod({}))).toBeDefined(), LONG);
  }, 120_000);

  const account = (namespace: string) => ({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "default", namespace },
  });

  function pod({
    limits = ["500m"],
    ...more
  }: {
    limits?: readonly (string | undefined)[];
    spec?: object;
    metadata?: object;
  }) {
    const containers = limits.map((cpu, index) => ({
      name: `app-${index}`,
      image: "app",
      resources: { requests: { cpu: "100m" }, ...(cpu === undefined ? {} : { limits: { cpu } }) },
    }));
    return {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: "trial", namespace: "default", labels: { "evenkeel.io/agent": "true" }, ...more.metadata },
      spec: { containers, ...more.spec },
    };
  }

  async function admitted(object: object): Promise<Built> {
    const flags = ["create", "--dry-run=server", "-o", "yaml", "-f", "-"];
    return documents(await server.kubectl(flags, JSON.stringify(object)))[0] as Built;
  }

  async function agentOf(object: object): Promise<Container | undefined> {
    return (await admitted(object)).spec.containers.find(({ name }) => name === "evenkeel-agent");
  }

  it("adds the agent, shares the processes and tells the port", async () => {
    const { spec, metadata } = await admitted(pod({}));
    expect(spec.containers.map(({ name }) => name)).toEqual(["app-0", "evenkeel-agent"]);
    expect(spec.shareProcessNamespace).toBe(true);
    expect(metadata.annotations).toMatchObject({
      "evenkeel.io/agent-port": "9091",
      "traffic.sidecar.istio.io/excludeInboundPorts": "9091",
    });
    expect(spec.containers[1]).toMatchObject({
      image: `evenkeel/evenkeel:${project.version}`,
      args: ["cli/evenkeel.ts", "agent", "--orca-port", "9091", "--cpus", "0.5"],
      resources: { limits: { cpu: "200m", memory: "192Mi" } },
      securityContext: { runAsNonRoot: true, readOnlyRootFilesystem: true },
    });
  });

  it.each([
    [["500m"], "0.5"],
    [["1500m", "2"], "3.5"],
    [["2"], "2"],
    // One without a limit has no limit: what they ask for counts.
    [["500m", undefined], "0.2"],
  ])("limits %j are %s CPUs", async (limits, cpus) => {
    const args = (await agentOf(pod({ limits })))?.args ?? [];
    expect(Number(args[args.indexOf("--cpus") + 1])).toBeCloseTo(Number(cpus));
  });

  it("without limits and requests the agent counts the machine's", async () => {
    const spec = { containers: [{ name: "app", image: "app" }] };
    expect((await agentOf(pod({ spec })))?.args).toEqual(expect.arrayContaining(["--cpus", "auto"]));
  });

  it("takes the port that the pod names, and adds to the ports that pass Istio's sidecar", async () => {
    const annotations = {
      "evenkeel.io/agent-port": "9999",
      "traffic.sidecar.istio.io/excludeInboundPorts": "8080",
    };
    const labels = { "evenkeel.io/agent": "true" };
    const { spec, metadata } = await admitted(pod({ metadata: { annotations, labels } }));
    expect(spec.containers[1]?.args).toEqual(expect.arrayContaining(["--orca-port", "9999"]));
    expect(metadata.annotations).toMatchObject({
      "evenkeel.io/agent-port": "9999",
      "traffic.sidecar.istio.io/excludeInboundPorts": "8080,9999",
    });
  });

  it.each([
    ["without the label", { metadata: { labels: {} } }],
    ["with an agent of its own", { spec: { containers: [{ name: "evenkeel-agent", image: "own" }] } }],
    ["of the host's processes", { spec: { hostPID: true, containers: [{ name: "app", image: "app" }] } }],
  ])("a pod %s stays as it is", async (_which, more) => {
    const { spec } = await admitted(pod(more));
    expect(spec.containers).toHaveLength(1);
    expect(spec.shareProcessNamespace).toBeUndefined();
  });
});

it("the agent as a plain container is taken too", async () => {
  const path = join(HERE, "..", "examples", "agent-container", "deployment.yaml");
  const flags = ["--dry-run=server", "--validate=strict", "--warnings-as-errors", "-f", path];
  expect(await server.kubectl(["apply", "--server-side", ...flags])).toContain("deployment.apps/web");
});
