import type { ApiServer } from "./api-server.ts";
import { waitUntil } from "./ready.ts";

/** Waits until objects of a custom kind can be made. Again and again, as `kubectl wait` fails while there are no conditions at all. */
export async function established(server: Pick<ApiServer, "kubectl">, definition: string): Promise<void> {
  const wait = ["wait", "--for=condition=Established", `crd/${definition}`, "--timeout=60s"];
  await waitUntil(`the definition ${definition}`, async () => (await server.kubectl(wait)) !== "", {
    timeoutMs: 120_000,
  });
}
