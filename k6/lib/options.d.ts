/** k6's options, as far as they are set here. */
export interface LoadOptions {
  readonly scenarios: { readonly load: Readonly<Record<string, string | number>> };
  readonly thresholds: Readonly<Record<string, readonly string[]>>;
  readonly summaryTrendStats: readonly string[];
  readonly discardResponseBodies: boolean;
  readonly maxRedirects: number;
  readonly userAgent: string;
}

type Env = Readonly<Record<string, string | undefined>>;

/** How many users, each with one request under way, an open model that begins with `users` may come to. */
export function mostUsers(users: number): number;

/** The time limit of one request, as k6 takes it. */
export function timeoutOf(env: Env): string;

/**
 * k6's options for a load given by the environment: RATE and DURATION, or TOTAL; CONCURRENT; TIMEOUT.
 * @throws Error when a number is none
 */
export function loadOptions(env: Env): LoadOptions;
