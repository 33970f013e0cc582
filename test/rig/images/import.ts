import { paths } from "../place.ts";
import { findPrograms } from "../programs/programs.ts";
import type { Session } from "../session.ts";

/** Gives an image archive to the rig's container runtime. */
export async function importImage(session: Session, archive: string): Promise<void> {
  const { ctr } = await findPrograms(["ctr"], session.onProgress);
  const { containerdSocket } = paths(session.folder);
  await session.inside([
    ctr as string,
    "--address",
    containerdSocket,
    "--namespace",
    "k8s.io",
    "images",
    "import",
    archive,
  ]);
}
