import type { KubeClient } from "./client.ts";
import { hasCode, malformed } from "./failure.ts";
import type { KubeObject } from "./object.ts";
import type { Target } from "./resource-type.ts";

/** Which objects of a kind. */
export interface Selection {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface Listed<T> {
  readonly items: readonly T[];
  /** The state of the cluster that the list shows; a watch goes on from here. */
  readonly resourceVersion: string;
}

interface Page<T> {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[] | null;
}

/** Objects in one page: a page of pods is then some MiB. */
const PAGE = 500;

/** Lists all objects of a target in pages, all of one state of the cluster. */
export async function listAll<T extends KubeObject>(
  client: KubeClient,
  target: Target,
  options: Selection & {
    readonly signal?: AbortSignal;
    readonly pageSize?: number;
    readonly keep?: (object: T) => T;
  } = {},
): Promise<Listed<T>> {
  const { signal, keep = (object) => object } = options;
  const items: T[] = [];
  let limit: number | undefined = options.pageSize ?? PAGE;
  let next: string | undefined;
  for (;;) {
    try {
      const page: Page<T> = await client.json<Page<T>>({
        verb: "list",
        target,
        query: {
          labelSelector: options.labelSelector,
          fieldSelector: options.fieldSelector,
          limit: limit === undefined ? undefined : String(limit),
          continue: next,
        },
        ...(signal === undefined ? {} : { signal }),
      });
      const resourceVersion = page.metadata?.resourceVersion;
      if (resourceVersion === undefined || (page.items ?? []).some((item) => item?.metadata?.name === undefined))
        throw malformed("the answer is not a list", { verb: "list", target, server: client.server });
      for (const item of page.items ?? []) items.push(keep(item));
      next = page.metadata?.continue || undefined;
      if (next === undefined) return { items, resourceVersion };
    } catch (error) {
      // The state that the pages show is compacted away: once more, in one piece.
      if (!hasCode(error, "EK_KUBE_GONE") || next === undefined) throw error;
      items.length = 0;
      next = undefined;
      limit = undefined;
    }
  }
}
