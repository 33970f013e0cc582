import { mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";

/** What of the file system the results are written with: a test can put a full disk in its place. */
export interface Files {
  readonly open: typeof open;
  readonly rename: typeof rename;
  readonly rm: typeof rm;
  readonly mkdir: typeof mkdir;
  readonly readdir: typeof readdir;
  readonly stat: typeof stat;
}

export const diskFiles: Files = { open, rename, rm, mkdir, readdir, stat };

/** Makes what happened to a folder's names outlast a power cut. */
export async function syncFolder(files: Files, folder: string): Promise<void> {
  const handle = await files.open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
