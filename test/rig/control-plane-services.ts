import { EvenkeelError } from "../../common/errors.ts";
import {
  apiServerArguments,
  apiUrl,
  type ControlPlanePlace,
  controllerManagerArguments,
  controlPlaneFiles,
  etcdArguments,
} from "./control-plane.ts";
import { isAlive } from "./process-table.ts";
import type { Programs } from "./programs/programs.ts";
import { isReady, waitUntil } from "./ready.ts";
import { lastLines } from "./services.ts";
import type { Session } from "./session.ts";
import type { ServiceSpec } from "./state.ts";

/** How long the API server may take to be ready, in ms. */
const READY_MS = 180_000;

/** Starts etcd, the API server and the controller manager as parts of a rig, and waits until the API server is ready. */
export async function startControlPlane(session: Session, place: ControlPlanePlace, programs: Programs): Promise<void> {
  const part = (name: string, args: readonly string[]): ServiceSpec => ({
    name,
    program: programs[name] as string,
    args,
  });
  await session.start(part("etcd", etcdArguments(place)));
  await session.start(part("kube-apiserver", apiServerArguments(place)));
  await waitForApiServer(session);
  await session.start(part("kube-controller-manager", controllerManagerArguments(place)));
}

/** @throws EvenkeelError EK_CHILD_FAILED when it ended instead, EK_TIMEOUT */
export async function waitForApiServer(session: Session): Promise<void> {
  const { place } = session.state();
  const { ca } = controlPlaneFiles(place).certificates;
  await waitUntil(
    "the API server's readiness",
    async () => {
      return session.state().sandbox === undefined
        ? isReady(apiUrl(place), ca)
        : (await session.kubectl(["get", "--raw", "/readyz", "--request-timeout=3s"])) === "ok";
    },
    {
      timeoutMs: READY_MS,
      everyMs: 200,
      where: session.folder,
      giveUp: () => requireAlive(session, "etcd", "kube-apiserver"),
    },
  );
}

/** @throws EvenkeelError EK_CHILD_FAILED with the last lines of a part that is not running */
export function requireAlive(session: Session, ...names: readonly string[]): void {
  for (const name of names) {
    const service = session.state().services[name];
    if (service === undefined || !isAlive(service.leader))
      throw new EvenkeelError("EK_CHILD_FAILED", `${name} ended: ${lastLines(session.folder, name)}`, {
        where: session.folder,
      });
  }
}
