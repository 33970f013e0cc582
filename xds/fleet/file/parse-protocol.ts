import type { ErrorCode } from "../../../common/errors.ts";
import type { FleetFile } from "./parse.ts";

/** What the parsing thread is given. */
export interface ParseOrder {
  readonly text: string;
  /** The file's name, for messages. */
  readonly path: string;
}

/** What it answers. An error is told in its parts: a class does not pass from thread to thread. */
export type ParseAnswer =
  | { readonly kind: "read"; readonly file: FleetFile }
  | {
      readonly kind: "invalid";
      readonly code: ErrorCode;
      readonly what: string;
      readonly where: string | undefined;
      readonly next: string;
    };
