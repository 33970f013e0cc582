/** Files of a Secret that a pod reads. */
export interface MountedSecret {
  /** The volume's name. */
  readonly name: string;
  readonly secretName: string;
  readonly folder: string;
  /** No other key of it is mounted. */
  readonly keys: readonly string[];
}

export function volumeOf({ name, secretName, keys }: MountedSecret): object {
  return { name, secret: { secretName, items: keys.map((key) => ({ key, path: key })) } };
}

export function mountOf({ name, folder }: MountedSecret): object {
  return { name, mountPath: folder, readOnly: true };
}
