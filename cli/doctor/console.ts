import { EvenkeelError } from "../../common/errors.ts";
import type { FleetView } from "../../xds/console/fleet-view.ts";
import type { ClientStatus } from "../../xds/server/client-status.ts";
import type { SourceStatus } from "../../xds/signals/kubernetes/source-status.ts";
import { type Answer, aheadOf } from "./answer.ts";
import { ofRole } from "./installation.ts";
import type { Look } from "./look.ts";
import type { Container, Pod } from "./objects.ts";
import { startFaults } from "./pod-state.ts";
import { portOf, programOf, settingOf } from "./program.ts";

/** What one control plane shows of itself. */
export interface Console {
  /** `Pod NAMESPACE/NAME`, or the address that was given. */
  readonly where: string;
  readonly fleet: FleetView;
  readonly clients: readonly ClientStatus[];
  readonly sources: readonly SourceStatus[];
  /** See {@link Answer}. */
  readonly aheadMs: number | undefined;
}

const CONSOLE_PORT = 18001;
const TIMEOUT_MS = 10_000;

/** The container of a control plane pod that has the console, and its port. */
export function consolePort(pod: Pod): number {
  const containers = pod.spec?.containers ?? [];
  const container: Container | undefined =
    containers.find((each) => programOf(each) === "control-plane") ?? containers[0];
  if (container === undefined) return CONSOLE_PORT;
  const set = Number(settingOf(container, "http-port", "EVENKEEL_HTTP_PORT") ?? CONSOLE_PORT);
  return portOf(container, ["console", "http-console"], set);
}

/** @throws EvenkeelError EK_CONSOLE_UNREACHABLE, EK_KUBE_FORBIDDEN */
export async function readConsoles(look: Look): Promise<readonly Console[]> {
  const { consoleUrl } = look.scope;
  if (consoleUrl !== "")
    return [await readConsole(consoleUrl, (path) => fetched(new URL(path, consoleUrl), TIMEOUT_MS))];
  const pods = ofRole(await look.installation(), "control-plane").flatMap((workload) => workload.pods);
  const running = pods.filter(
    (pod) => pod.status?.phase === "Running" && pod.status.podIP !== undefined && startFaults(pod).length === 0,
  );
  return Promise.all(
    running.map((pod) => {
      const where = `Pod ${pod.metadata.namespace}/${pod.metadata.name}`;
      return readConsole(where, (path) => look.ask(pod, consolePort(pod), path));
    }),
  );
}

async function readConsole(where: string, ask: (path: string) => Promise<Answer>): Promise<Console> {
  try {
    const fleet = await ask("/fleet");
    const [clients, sources] = await Promise.all([ask("/clients"), ask("/signals")]);
    return {
      where,
      fleet: JSON.parse(fleet.body) as FleetView,
      clients: JSON.parse(clients.body) as ClientStatus[],
      sources: JSON.parse(sources.body) as SourceStatus[],
      aheadMs: fleet.aheadMs,
    };
  } catch (cause) {
    if (cause instanceof EvenkeelError && cause.code === "EK_KUBE_FORBIDDEN") throw cause;
    throw new EvenkeelError("EK_CONSOLE_UNREACHABLE", `the console cannot be read: ${(cause as Error).message}`, {
      where,
      cause,
    });
  }
}

async function fetched(url: URL, timeoutMs: number): Promise<Answer> {
  const askedMs = Date.now();
  const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
  const aheadMs = aheadOf(response.headers.get("date"), askedMs, Date.now());
  const body = await response.text();
  if (!response.ok) throw new Error(`${url.href} answers ${response.status}`);
  return { body, aheadMs };
}
