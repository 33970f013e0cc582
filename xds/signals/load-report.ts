/** What one Envoy told of one cluster in one LRS report. */
export interface ClusterLoadReport {
  /** Who reports: unique for each stream. */
  readonly client: string;
  /** The cluster's name, as the fleet has it. */
  readonly cluster: string;
  /** The time that the report is about, in ms. Above 0. */
  readonly intervalMs: number;
  /** One entry for each endpoint that had traffic; none: the cluster had none. */
  readonly endpoints: readonly EndpointLoad[];
}

/** The traffic of one endpoint in the interval of a report. */
export interface EndpointLoad {
  /** `ADDRESS:PORT`, as {@link Endpoint.key}. */
  readonly endpointKey: string;
  /** Requests running at the end of the interval. */
  readonly inFlight: number;
  /** Requests started in the interval. */
  readonly requests: number;
  /** Requests that failed in the interval. */
  readonly errors: number;
}

/** Takes load reports in; the LRS streams write to it. */
export interface LoadReportSink {
  record(reports: readonly ClusterLoadReport[]): void;
  /** The stream has ended: what this client had in flight counts no more. */
  clientGone(client: string): void;
}
