import { EvenkeelError } from "../../common/errors.ts";
import { getObject } from "../../common/kubernetes/apply.ts";
import type { KubeClient } from "../../common/kubernetes/client.ts";
import type { KubeObject } from "../../common/kubernetes/object.ts";
import { RESOURCES } from "../../common/kubernetes/resource-type.ts";
import { patiently } from "./patience.ts";
import type { TemplateSettings } from "./settings.ts";
import { brokerCertificates } from "./template/broker.ts";
import { databaseCertificates } from "./template/database.ts";

interface Secret extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

/**
 * Looks that the Secrets with certificates that the settings name are there, with their keys: a pod whose Secret is missing
 * only waits.
 * @throws EvenkeelError EK_SETTING_INVALID, EK_KUBE_…
 */
export async function requireSecrets(client: KubeClient, settings: TemplateSettings): Promise<void> {
  const { namespace } = settings;
  for (const { secretName, keys, setting } of secretsOf(settings)) {
    const target = { resource: RESOURCES.secrets, namespace, name: secretName };
    const found = await patiently(() => getObject<Secret>(client, target));
    const missing = keys.filter((key) => found?.data?.[key] === undefined);
    if (missing.length === 0) continue;
    const what =
      found === undefined ? "there is no such Secret in the namespace" : `the Secret has no ${missing.join(", ")}`;
    throw new EvenkeelError("EK_SETTING_INVALID", `${secretName}: ${what}`, {
      where: `${setting}, namespace ${namespace}`,
      next: await commandsFor(client, settings, { secretName, keys, there: found !== undefined }),
    });
  }
}

/** The commands that make what is missing, out of files in the folder where they are called. */
async function commandsFor(
  client: KubeClient,
  { namespace }: TemplateSettings,
  secret: { readonly secretName: string; readonly keys: readonly string[]; readonly there: boolean },
): Promise<string> {
  const files = secret.keys.map((key) => `--from-file=${key}`).join(" ");
  const create = `kubectl create secret generic ${secret.secretName} -n ${namespace} ${files}`;
  // kubectl creates nothing that is there already.
  if (secret.there) return `${create} --dry-run=client -o yaml | kubectl apply -f -`;
  const home = await patiently(() => getObject(client, { resource: RESOURCES.namespaces, name: namespace }));
  return home === undefined ? `kubectl create namespace ${namespace} && ${create}` : create;
}

function secretsOf(settings: TemplateSettings) {
  const { tlsSecret } = settings;
  const scaler = { secretName: tlsSecret, keys: ["ca.crt", "tls.crt", "tls.key", "client.crt", "client.key"] };
  return [
    ...(tlsSecret === "" ? [] : [{ ...scaler, setting: "TLS_SECRET" }]),
    ...brokerCertificates(settings).map((secret) => ({ ...secret, setting: "MQTT_TLS_SECRET" })),
    ...databaseCertificates(settings).map((secret) => ({ ...secret, setting: "DB_TLS_SECRET" })),
  ];
}
