import type { FileHandle } from "node:fs/promises";
import { diskFiles, type Files } from "../results/files.ts";

/** Files on a disk that can be made full: nothing more is then written, or only the first bytes of it. */
export interface FullDisk extends Files {
  /** Bytes of each write that still fit; absent: all. */
  room: number | undefined;
  /** Writes that failed. */
  failures: number;
}

export function fullDisk(): FullDisk {
  const disk: FullDisk = {
    ...diskFiles,
    room: undefined,
    failures: 0,
    async open(...args) {
      const handle = await diskFiles.open(...args);
      return new Proxy(handle, {
        get(target, name) {
          if (name === "write" && disk.room !== undefined) return partWrite(target);
          if (name === "writeFile" && disk.room !== undefined) return fail;
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
    },
  };
  const fail = async () => {
    disk.failures += 1;
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  };
  const partWrite = (target: FileHandle) => async (bytes: Buffer) => {
    if (disk.room === 0) return await fail();
    disk.failures += 1;
    return await target.write(bytes, 0, Math.min(disk.room ?? 0, bytes.length));
  };
  return disk;
}
