import { EvenkeelError } from "../../common/errors.ts";
import { applyObject, type Desired, getObject, targetOf } from "../../common/kubernetes/apply.ts";
import { connectKubernetes, type KubeClient } from "../../common/kubernetes/client.ts";
import { RESOURCES } from "../../common/kubernetes/resource-type.ts";
import { loadSettings } from "../../common/settings.ts";
import { outputNote } from "./output-note.ts";
import { patiently } from "./patience.ts";
import { requireSecrets } from "./required-secrets.ts";
import { APPLY, type ApplySettings } from "./settings.ts";
import { MADE_BY, objectOf } from "./template/marks.ts";
import { postureObjects } from "./template/template.ts";

const FIELD_MANAGER = "evenkeel-posture-apply";
/** What the environment may hold that nobody else may read. */
const SECRETS = ["MQTT_USERNAME", "MQTT_PASSWORD", "DB_PASSWORD", "PROM_TOKEN"];

/** `evenkeel posture apply`. @throws EvenkeelError EK_KUBE_… */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(APPLY, args);
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return 0;
  }
  const client = connectKubernetes(loaded.values);
  try {
    await apply(client, loaded.values, (line) => process.stdout.write(`${line}\n`));
    return 0;
  } finally {
    client.close();
  }
}

/**
 * Puts everything into the cluster; twice is fine.
 * @throws EvenkeelError EK_KUBE_CONFLICT when an object of that name is there that apply did not make; EK_KUBE_API_MISSING
 * without KEDA; EK_SETTING_INVALID when settings contradict each other, or a Secret that they name is not there; EK_KUBE_…
 */
export async function apply(
  client: KubeClient,
  settings: ApplySettings,
  say: (line: string) => void,
  env: NodeJS.ProcessEnv = process.env,
): Promise<void> {
  // Without KEDA's API nothing else is of use.
  await patiently(() =>
    client.json({ verb: "list", target: { resource: RESOURCES.scaledJobs }, query: { limit: "1" } }),
  );
  const { namespace, programs, scaledJobs } = postureObjects(settings, env);
  await requireSecrets(client, settings);
  const objects = [...secretOf(settings, env), ...programs, ...scaledJobs];
  const there = await getObject(client, targetOf(namespace));
  await refuseForeign(client, objects);
  if (there === undefined) await put(client, namespace, say);
  for (const object of objects) await put(client, object, say);
  const note = outputNote(settings);
  if (note !== undefined) say(note);
}

async function put(client: KubeClient, object: Desired, say: (line: string) => void): Promise<void> {
  await applyObject(client, object, { fieldManager: FIELD_MANAGER, force: true });
  say(`applied ${object.kind} ${object.metadata.name}`);
}

/** Nothing is changed when one of the names is taken. */
async function refuseForeign(client: KubeClient, objects: readonly Desired[]): Promise<void> {
  const foreign: string[] = [];
  for (const object of objects) {
    const found = await patiently(() => getObject(client, targetOf(object)));
    if (found !== undefined && found.metadata.labels?.[MADE_BY.key] !== MADE_BY.value)
      foreign.push(`${object.kind} ${object.metadata.name}`);
  }
  if (foreign.length > 0)
    throw new EvenkeelError("EK_KUBE_CONFLICT", `${foreign.join(", ")} is there and was not made by posture apply`, {
      where: client.server,
      next: "delete or rename it, or choose another --namespace; nothing was changed",
    });
}

function secretOf(settings: ApplySettings, env: NodeJS.ProcessEnv): readonly Desired[] {
  const stringData = Object.fromEntries(SECRETS.flatMap((key) => (env[key] ? [[key, env[key]]] : [])));
  if (Object.keys(stringData).length === 0) return [];
  const place = { madeFor: settings.namespace, namespace: settings.namespace };
  return [{ ...objectOf(RESOURCES.secrets, settings.secret, place), stringData } as Desired];
}
