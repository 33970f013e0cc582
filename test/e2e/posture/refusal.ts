import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type ChannelCredentials, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { ExternalScalerClient, type IsActiveResponse } from "../../../proto/generated/externalscaler/externalscaler.ts";
import { SCALER_HOST } from "./names.ts";
import type { Place } from "./place.ts";

const REF = {
  name: "posture-analyzer-job-0",
  namespace: "posture",
  scalerMetadata: { metricName: "available_node_count_30s", cpuThreshold: "0.70", mqttTopic: "images/0/#" },
};

/** The scaler answers who shows a certificate of KEDA's authority, and nobody else. */
export async function refusal({ rig, certificates, say }: Place): Promise<string> {
  say("asking the scaler with and without a certificate");
  const pem = (name: string) => readFileSync(join(certificates, name));
  const as = (name: string) => credentials.createSsl(pem("ca.crt"), pem(`${name}.key`), pem(`${name}.crt`));
  const forward = await rig.forward(`${SCALER_HOST}:8080`);
  try {
    const address = `${forward.host}:${forward.port}`;
    await isActive(address, as("client"));
    const refused = {
      "no certificate": credentials.createSsl(pem("ca.crt")),
      "a stranger's certificate": as("stranger"),
      "plain text": credentials.createInsecure(),
    };
    for (const [what, shown] of Object.entries(refused)) {
      const answer = await isActive(address, shown).catch((error: ServiceError) => error.code);
      if (answer !== status.UNAVAILABLE) throw new Error(`with ${what} the scaler answered ${JSON.stringify(answer)}`);
    }
    return `a scaler client with ${Object.keys(refused).join(", ")} was refused, KEDA's was not`;
  } finally {
    await forward.close();
  }
}

async function isActive(address: string, shown: ChannelCredentials): Promise<IsActiveResponse> {
  const client = new ExternalScalerClient(address, shown, { "grpc.ssl_target_name_override": SCALER_HOST });
  try {
    return await new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, value: IsActiveResponse) =>
        error === null ? resolve(value) : reject(error);
      client.isActive(REF, new Metadata(), { deadline: Date.now() + 15_000 }, done);
    });
  } finally {
    client.close();
  }
}
