import { join } from "node:path";
import { type Files, syncFolder } from "./files.ts";

/** A half-written image that is older has no writer any more, in milliseconds. */
const ABANDONED_MS = 3_600_000;
const HALF = ".part";

/** Writes annotated images into a folder: each is there whole, or not at all. */
export class ImageFiles {
  readonly #folder: string;
  readonly #files: Files;

  constructor(folder: string, files: Files) {
    this.#folder = folder;
    this.#files = files;
  }

  /** Makes the folder, and removes what a killed process left half-written. */
  async prepare(): Promise<void> {
    await this.#files.mkdir(this.#folder, { recursive: true });
    for (const name of await this.#files.readdir(this.#folder)) {
      if (!name.endsWith(HALF)) continue;
      const path = join(this.#folder, name);
      const found = await this.#files.stat(path).catch(() => undefined);
      if (found !== undefined && Date.now() - found.mtimeMs > ABANDONED_MS) await this.#files.rm(path, { force: true });
    }
  }

  /**
   * Writes an image to the disk itself. One of that name that is there is replaced.
   * @returns its file name
   */
  async write(id: string, image: Uint8Array): Promise<string> {
    const name = `${id}.jpg`;
    const half = join(this.#folder, `.${name}.${process.pid}${HALF}`);
    try {
      const handle = await this.#files.open(half, "w");
      try {
        await handle.writeFile(image);
        await handle.datasync();
      } finally {
        await handle.close();
      }
      await this.#files.rename(half, join(this.#folder, name));
      await syncFolder(this.#files, this.#folder);
    } catch (error) {
      await this.#files.rm(half, { force: true }).catch(() => undefined);
      throw error;
    }
    return name;
  }
}
