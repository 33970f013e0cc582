import type { ErrorCode } from "../errors.ts";

/** What a thread answers. An error is told in its parts: a class does not pass from thread to thread. */
export type Answer<Result> =
  | { readonly kind: "done"; readonly result: Result }
  | {
      readonly kind: "failed";
      readonly code: ErrorCode;
      readonly what: string;
      readonly where: string | undefined;
      readonly next: string;
    };
