import type { ResourceReader, TypeUrl } from "../resources/resource.ts";
import type { ClientStatus } from "./client-status.ts";
import type { CsdsStream } from "./csds.ts";
import type { MetricSources } from "./metrics.ts";
import type { XdsStream } from "./stream.ts";
import { shortName } from "./type-view.ts";

/** All open xDS streams. */
export class Streams implements MetricSources {
  readonly #streams = new Set<XdsStream>();

  add(stream: XdsStream): void {
    this.#streams.add(stream);
  }

  delete(stream: XdsStream): void {
    this.#streams.delete(stream);
  }

  /** Hands changes of the resources to every stream. Returns the end of it. */
  follow(reader: ResourceReader, timed: (seconds: number) => void): () => void {
    return reader.subscribe((changed: ReadonlyMap<TypeUrl, ReadonlySet<string>>) => {
      const startedMs = performance.now();
      for (const stream of [...this.#streams]) stream.changed(changed);
      timed((performance.now() - startedMs) / 1000);
    });
  }

  each(visit: (stream: XdsStream) => void): void {
    for (const stream of [...this.#streams]) visit(stream);
  }

  statuses(): ClientStatus[] {
    return [...this.#streams].map((stream) => stream.status()).filter((status) => status !== undefined);
  }

  /** The streams whose clients asked for resources; a client that only looks (istioctl) is not among them. */
  *named(): Generator<CsdsStream> {
    for (const { node, session } of this.#streams)
      if (node !== undefined && session.subscriptions.size > 0)
        yield { node, subscriptions: [...session.subscriptions.values()] };
  }

  clients(): number {
    return new Set([...this.#streams].map(({ node }) => node?.id).filter((id) => id !== undefined)).size;
  }

  streams(): { service: string; protocol: string; count: number }[] {
    const counts = new Map<string, { service: string; protocol: string; count: number }>();
    for (const { kind } of this.#streams) {
      const { service, protocol } = kind;
      const entry = counts.get(`${service} ${protocol}`) ?? { service, protocol, count: 0 };
      entry.count += 1;
      counts.set(`${service} ${protocol}`, entry);
    }
    return [...counts.values()];
  }

  pending(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { session } of this.#streams)
      for (const { typeUrl } of session.awaited()) {
        const type = shortName(typeUrl);
        counts.set(type, (counts.get(type) ?? 0) + 1);
      }
    return counts;
  }
}
