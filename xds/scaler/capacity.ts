import { EvenkeelError } from "../../common/errors.ts";
import type { PostureCluster } from "./cluster.ts";
import type { NodeCpu } from "./node-cpu.ts";
import {
  ageNode,
  explainStale,
  freeNodes,
  type NodeFacts,
  type NodeRules,
  type NodeUse,
  type NodeView,
  viewNode,
} from "./nodes.ts";
import { SharedLook } from "./shared-look.ts";

/** What there is to release jobs onto. As JSON it is what `GET /nodes` answers. */
export interface CapacityView {
  /** How many nodes a job may start on now. */
  readonly available: number;
  readonly nodes: readonly NodeView[];
  /** Pods of analysers that have no node yet. */
  readonly unplaced: number;
  /** `NAMESPACE/NAME` of the ScaledJobs that have a pod which has not ended. */
  readonly running: readonly string[];
}

export interface Capacity {
  /** @throws EvenkeelError EK_FIGURE_STALE when the cluster itself is not known */
  look(): Promise<CapacityView>;
}

/**
 * Looks at the cluster that is followed here. Costs no request.
 * @param sourceFault what is wrong with the sources of CPU figures; empty: nothing
 */
export function ownCapacity(
  cluster: PostureCluster,
  cpu: NodeCpu,
  rules: NodeRules,
  sourceFault: () => string,
  nowMs: () => number = () => performance.now(),
): Capacity {
  return {
    async look() {
      const fault = cluster.fault(rules.maxAgeMs);
      if (fault !== undefined) throw new EvenkeelError("EK_FIGURE_STALE", fault);
      const { byNode, unplaced, running } = cluster.jobs();
      const facts = cluster.facts();
      cpu.retain(new Set(facts.map(({ name }) => name)));
      const now = nowMs();
      const judge = (node: NodeFacts) =>
        viewNode(node, cpu.get(node.name, now, rules.maxAgeMs), byNode.get(node.name) ?? [], rules);
      const nodes = explainStale(facts.map(judge), sourceFault);
      return { available: freeNodes(nodes).length, nodes, unplaced, running: [...running] };
    },
  };
}

/** How long an answer of a controller is used, in ms. */
const KEEP_MS = 1000;

/**
 * Asks a controller (`GET URL/nodes`) that follows the cluster for us.
 * @param url e.g. `http://posture-controller.posture.svc:8081`
 */
export function controllerCapacity(
  url: string,
  rules: NodeRules,
  deadlineMs: number,
  nowMs: () => number = () => performance.now(),
): Capacity {
  const shared = new SharedLook({
    what: `the controller's answer (${url})`,
    keepMs: KEEP_MS,
    deadlineMs,
    nowMs,
    look: async (signal) => ({ view: await askController(url, signal), atMs: nowMs() }),
  });
  return {
    async look() {
      const { view, atMs } = await shared.get();
      const nodes = view.nodes.map((node) => ageNode(node, nowMs() - atMs, rules));
      return { ...view, nodes, available: freeNodes(nodes).length };
    },
  };
}

async function askController(url: string, signal: AbortSignal): Promise<CapacityView> {
  const target = `${url.replace(/\/+$/, "")}/nodes`;
  const failed = (what: string, cause?: unknown) =>
    new EvenkeelError("EK_FIGURE_STALE", `the controller does not tell of the nodes: ${what}`, {
      where: target,
      next: "check CONTROLLER_URL and the controller's log",
      cause,
    });
  let answer: unknown;
  try {
    const response = await fetch(target, { signal });
    if (!response.ok) throw failed(`HTTP ${response.status}: ${(await response.text()).slice(0, 300)}`);
    answer = await response.json();
  } catch (error) {
    if (error instanceof EvenkeelError) throw error;
    throw failed(((error as Error).cause as Error | undefined)?.message ?? (error as Error).message, error);
  }
  if (!isView(answer)) throw failed("its answer is not what /nodes gives");
  return answer;
}

function isView(value: unknown): value is CapacityView {
  const { nodes, unplaced, running } = (value ?? {}) as Partial<CapacityView>;
  return Array.isArray(nodes) && Number.isInteger(unplaced) && Array.isArray(running) && nodes.every(isNode);
}

function isNode(node: Partial<NodeView> | null): boolean {
  return typeof node?.name === "string" && typeof node.state === "string" && isUseOrNone(node.cpu);
}

/** Without this a busy node whose figure is cut off would count as free: nothing is above a threshold then. */
function isUseOrNone(cpu: Partial<NodeUse> | null | undefined): boolean {
  return cpu === null || (Number.isFinite(cpu?.utilisation) && Number.isFinite(cpu?.ageMs));
}
