import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { parseAllDocuments } from "yaml";
import { loadSettings } from "../../common/settings.ts";
import type { Runner } from "../setup/runner.ts";
import { build } from "./build.ts";
import { BUILD, type BuildSettings } from "./settings.ts";

const COMMITTED = join(import.meta.dirname, "..", "..", "manifests", "posture");

function settingsOf(args: readonly string[], env: NodeJS.ProcessEnv = {}): BuildSettings {
  const loaded = loadSettings(BUILD, args, env);
  if (loaded.kind === "help") throw new Error("help");
  return loaded.values;
}

/** Builds and reads what was written. @returns texts by file name, and what was run */
async function built(args: readonly string[], env: NodeJS.ProcessEnv = {}, code = 0) {
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-posture-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const ran: string[] = [];
  const run: Runner = async (program, given) => {
    ran.push([program, ...given].join(" "));
    return { code, stdout: "", stderr: code === 0 ? "" : "no space left" };
  };
  await build(settingsOf(["--output", folder, ...args], env), run, () => undefined, env);
  const files: Record<string, string> = {};
  for (const name of await readdir(folder)) files[name] = await readFile(join(folder, name), "utf8");
  return { files, ran };
}

interface Job {
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: {
    readonly triggers: readonly { readonly metadata: Record<string, string>; readonly authenticationRef?: object }[];
    readonly jobTargetRef: { readonly template: { readonly spec: PodSpec } };
  };
}
interface Deployment {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: { readonly template: { readonly spec: PodSpec } };
}
interface PodSpec {
  readonly containers: readonly [
    {
      readonly image: string;
      readonly env: readonly { name: string; value?: string }[];
      readonly volumeMounts: readonly object[];
    },
  ];
  readonly volumes: readonly object[];
}

const deployments = (text = ""): Deployment[] =>
  parseAllDocuments(text)
    .map((document) => document.toJS() as Deployment)
    .filter(({ kind }) => kind === "Deployment");

/** Variables that have a value of their own. */
const plainEnv = (env: readonly { name: string; value?: string }[]) =>
  Object.fromEntries(env.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]])));

const jobsOf = (text = ""): Job[] => parseAllDocuments(text).map((document) => document.toJS() as Job);

it("writes what is committed in manifests/posture, to the letter", async () => {
  const { files } = await built(["--images", "skip"]);
  expect(Object.keys(files).toSorted()).toEqual((await readdir(COMMITTED)).toSorted());
  for (const [name, text] of Object.entries(files))
    expect(text, name).toBe(await readFile(join(COMMITTED, name), "utf8"));
});

it("makes one job and all jobs out of one template", async () => {
  const { files } = await built(["--images", "skip"]);
  const [one] = jobsOf(files["scaledjob.yaml"]);
  const all = jobsOf(files["scaledjobs-all.yaml"]);
  expect(all.map(({ metadata }) => metadata.name)).toEqual(
    Array.from({ length: 10 }, (_, number) => `posture-analyzer-job-${number}`),
  );
  expect(all[0]).toEqual(one);
  const numbered = JSON.stringify(one)
    .replaceAll("posture-analyzer-job-0", "posture-analyzer-job-7")
    .replaceAll("images/0/", "images/7/");
  expect(JSON.parse(numbered)).toEqual(all[7]);
});

it("has the earlier names: intervals, limits, trigger, affinity and environment", async () => {
  const { files } = await built(["--images", "skip"]);
  expect(jobsOf(files["scaledjob.yaml"])[0]).toMatchObject({
    metadata: { namespace: "posture", labels: { app: "posture-analyzer" } },
    spec: {
      pollingInterval: 10,
      maxReplicaCount: 1,
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 1,
      triggers: [
        {
          type: "external",
          metadata: {
            scalerAddress: "posture-external-scaler.posture.svc.cluster.local:8080",
            metricName: "available_node_count_30s",
            cpuThreshold: "0.70",
          },
        },
      ],
      jobTargetRef: {
        template: {
          metadata: { labels: { app: "posture-analyzer" } },
          spec: {
            affinity: {
              nodeAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: {
                  nodeSelectorTerms: [
                    {
                      matchExpressions: [
                        { key: "posture/eligible", operator: "In", values: ["true"] },
                        { key: "posture/busy", operator: "NotIn", values: ["true"] },
                      ],
                    },
                  ],
                },
                preferredDuringSchedulingIgnoredDuringExecution: Array.from({ length: 10 }, (_, index) => ({
                  weight: 100 - index * 10,
                  preference: {
                    matchExpressions: [{ key: "posture/slot", operator: "In", values: [`slot-${index + 1}`] }],
                  },
                })),
              },
              podAntiAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "kubernetes.io/hostname" }],
              },
            },
            containers: [
              {
                resources: { limits: { cpu: "1", memory: "512Mi" } },
                env: expect.arrayContaining([
                  { name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
                  { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
                  { name: "MQTT_PORT", value: "1883" },
                  { name: "MQTT_TOPIC", value: "images/0/#" },
                  { name: "MQTT_CLIENT_ID", value: "posture-analyzer-job-0" },
                  { name: "DB_ENABLED", value: "false" },
                ]),
              },
            ],
          },
        },
      },
    },
  });
});

it("takes the earlier environment names, and never writes a secret down", async () => {
  const env = {
    NAMESPACE: "gym",
    ANALYZER_REPO_BASE: "registry.example.com:5000/me",
    SCALER_IMAGE_REPO: "registry.example.com/me/keda-scaler",
    IMAGE_TAG: "7",
    DB_ENABLED: "true",
    DB_HOST: "db.gym",
    DB_PASSWORD: "hunter2",
    MQTT_PASSWORD: "swordfish",
    TLS_SECRET: "scaler-tls",
    OUTPUT_CLAIM: "results",
  };
  const { files } = await built(["--images", "skip"], env);
  const everything = Object.values(files).join("\n");
  expect(everything).not.toMatch(/hunter2|swordfish/);
  const [job] = jobsOf(files["scaledjob.yaml"]) as [Job];
  expect(job.metadata.namespace).toBe("gym");
  expect(job.spec.triggers[0]).toMatchObject({
    metadata: { scalerAddress: "posture-external-scaler.gym.svc.cluster.local:8080", enableTLS: "true" },
    authenticationRef: { name: "posture-scaler-tls" },
  });
  const pod = job.spec.jobTargetRef.template.spec;
  expect(pod.containers[0].image).toBe("registry.example.com:5000/me/analyzer:7");
  expect(pod.volumes[0]).toEqual({ name: "data", persistentVolumeClaim: { claimName: "results" } });
  expect(pod.containers[0].env).toContainEqual({ name: "DB_HOST", value: "db.gym" });
  const secret = { secretKeyRef: { name: "posture-secrets", key: "DB_PASSWORD", optional: true } };
  expect(pod.containers[0].env).toContainEqual({ name: "DB_PASSWORD", valueFrom: secret });
  expect(everything).toContain("image: registry.example.com/me/keda-scaler:7");
});

it("Prometheus: its address and queries are the controller's, its token stays in the Secret", async () => {
  const env = { EVENKEEL_POSTURE_CPU: "prometheus", PROM_URL: "http://prom:9090", PROM_TOKEN: "open-sesame" };
  const { files } = await built(["--images", "skip", "--prometheus-query", "node:cpu"], env);
  const everything = Object.values(files).join("\n");
  expect(everything).not.toContain("open-sesame");
  const controller = deployments(files["scaler.yaml"]).find(({ metadata }) => metadata.name === "posture-controller");
  const [container] = controller?.spec.template.spec.containers ?? [];
  expect(container?.env).toEqual(
    expect.arrayContaining([
      { name: "EVENKEEL_POSTURE_CPU", value: "prometheus" },
      { name: "PROM_URL", value: "http://prom:9090" },
      { name: "EVENKEEL_POSTURE_QUERY", value: "node:cpu" },
      {
        name: "PROM_TOKEN",
        valueFrom: { secretKeyRef: { name: "posture-secrets", key: "PROM_TOKEN", optional: true } },
      },
    ]),
  );
  expect(container?.env.map(({ name }) => name)).not.toContain("EVENKEEL_POSTURE_TIME_QUERY");
  await expect(built(["--images", "skip", "--cpu-source", "prometheus"])).rejects.toMatchObject({
    code: "EK_SETTING_INVALID",
    where: "PROM_URL",
  });
});

it("certificates: of the broker for analysers and scaler, of the database for analysers", async () => {
  const args = ["--mqtt-tls-secret", "broker-tls", "--mqtt-client-cert", "--db-tls-secret", "db-tls"];
  const { files } = await built(["--images", "skip", ...args], { DB_ENABLED: "true", DB_HOST: "db" });
  const pod = (jobsOf(files["scaledjob.yaml"])[0] as Job).spec.jobTargetRef.template.spec;
  const [scaler] = deployments(files["scaler.yaml"]).filter(({ metadata }) => metadata.name.endsWith("scaler"));
  const spec = scaler?.spec.template.spec as PodSpec;
  for (const { containers, volumes } of [pod, spec]) {
    const { MQTT_PORT, MQTT_TLS, MQTT_CA_FILE, MQTT_CERT_FILE, MQTT_KEY_FILE } = plainEnv(containers[0].env);
    expect([MQTT_PORT, MQTT_TLS]).toEqual(["8883", "true"]);
    const files = [MQTT_CA_FILE, MQTT_CERT_FILE, MQTT_KEY_FILE];
    expect(files).toEqual(["/mqtt-tls/ca.crt", "/mqtt-tls/tls.crt", "/mqtt-tls/tls.key"]);
    const items = ["ca.crt", "tls.crt", "tls.key"].map((key) => ({ key, path: key }));
    expect(volumes).toContainEqual({ name: "mqtt-tls", secret: { secretName: "broker-tls", items } });
    expect(containers[0].volumeMounts).toContainEqual({ name: "mqtt-tls", mountPath: "/mqtt-tls", readOnly: true });
  }
  const { DB_SSLMODE, DB_CA_FILE } = plainEnv(pod.containers[0].env);
  expect([DB_SSLMODE, DB_CA_FILE]).toEqual(["verify-full", "/db-tls/ca.crt"]);
  const items = [{ key: "ca.crt", path: "ca.crt" }];
  expect(pod.volumes).toContainEqual({ name: "db-tls", secret: { secretName: "db-tls", items } });
  expect(JSON.stringify(spec)).not.toContain("db-tls");
});

it("what the environment says of TLS wins, and the broker's name may say it", async () => {
  const env = { DB_ENABLED: "true", DB_SSLMODE: "verify-ca", DB_TLS_SECRET: "db-tls" };
  const { files } = await built(["--images", "skip", "--mqtt-broker", "mqtts://[fd00::1]:9000"], env);
  const [job] = jobsOf(files["scaledjob.yaml"]) as [Job];
  const found = plainEnv(job.spec.jobTargetRef.template.spec.containers[0].env);
  expect(found).toMatchObject({
    MQTT_BROKER: "[fd00::1]",
    MQTT_PORT: "9000",
    MQTT_TLS: "true",
    DB_SSLMODE: "verify-ca",
  });
  expect(found).not.toHaveProperty("MQTT_CA_FILE");
  expect(files["scaler.yaml"]).toContain("http://[fd00::1]:8222");
});

it.each([
  [["--mqtt-client-cert"], {}, "MQTT_CLIENT_CERT"],
  [["--mqtt-broker", "mqtt://b", "--mqtt-tls-secret", "s"], {}, "MQTT_BROKER, MQTT_TLS_SECRET"],
  [["--db-tls-secret", "s"], {}, "DB_TLS_SECRET"],
  [["--db-tls-secret", "s", "--db-enabled"], { DB_SSLMODE: "require" }, undefined],
  [["--db-tls-secret", "s", "--db-enabled"], { DB_SSLMODE: "prefer" }, "DB_SSLMODE, DB_TLS_SECRET"],
  [["--db-enabled"], { DB_SSLMODE: "maybe" }, "DB_SSLMODE"],
])("settings of TLS that contradict each other are refused: %j %j", async (args, env, where) => {
  const building = built(["--images", "skip", ...args], env);
  if (where === undefined) await building;
  else await expect(building).rejects.toMatchObject({ code: "EK_SETTING_INVALID", where });
});

it("builds both images out of one Dockerfile: for this machine, or pushed for both platforms", async () => {
  const load = await built([]);
  expect(load.ran).toEqual([
    expect.stringMatching(
      /^docker build --file \S+Dockerfile --target app --build-arg APP=analyzer --tag evenkeel\/analyzer:\S+ \S+$/,
    ),
    expect.stringMatching(/^docker build .* --build-arg APP=scaler --tag evenkeel\/scaler:/),
  ]);
  const push = await built(["--images", "push"]);
  expect(push.ran[0]).toMatch(/^docker buildx build .*--platform linux\/amd64,linux\/arm64 --push/);
  await expect(built([], {}, 1)).rejects.toMatchObject({
    code: "EK_BUILD_FAILED",
    message: expect.stringContaining("no space left"),
  });
});

it.each([
  [["--mqtt-topic", "images/#"], /--mqtt-topic: "images\/#" does not hold \{n\}/],
  [["--namespace", "Not_A_Name"], /--namespace/],
  [["--analyzer-repo-base", "me:tag"], /--analyzer-repo-base/],
  [["--jobs", "0"], /--jobs/],
])("refuses %j", (args, message) => expect(() => settingsOf(args)).toThrow(message));
