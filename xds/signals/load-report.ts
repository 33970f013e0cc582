/** What one Envoy told of one endpoint in one LRS report. */
export interface EndpointLoadReport {
  /** Who reports: unique for each stream. */
  readonly client: string;
  readonly cluster: string;
  /** `ADDRESS:PORT`, as {@link Endpoint.key}. */
  readonly endpointKey: string;
  /** Requests running at the end of the interval. */
  readonly inFlight: number;
  /** Requests started in the interval. */
  readonly requests: number;
  /** Requests that failed in the interval. */
  readonly errors: number;
  readonly intervalMs: number;
}

/** Takes load reports in; the LRS streams write to it. */
export interface LoadReportSink {
  record(reports: readonly EndpointLoadReport[]): void;
  /** The stream has ended: what this client had in flight counts no more. */
  clientGone(client: string): void;
}
