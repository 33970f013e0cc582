/** One upload's share of the space: it grows with the upload. */
export interface SpaceShare {
  /**
   * Takes more.
   * @returns false, and takes nothing, when there is not so much left
   */
  take(bytes: number): boolean;
  /** Gives all of it back. */
  release(): void;
}

/** The room on the disk for uploads, shared by those that arrive, wait and run. */
export class UploadSpace {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Begins a share, with nothing in it. */
  open(): SpaceShare {
    let taken = 0;
    return {
      take: (bytes) => {
        if (bytes > this.#left) return false;
        this.#left -= bytes;
        taken += bytes;
        return true;
      },
      release: () => {
        this.#left += taken;
        taken = 0;
      },
    };
  }
}
