import type { KubeClient } from "../../../common/kubernetes/client.ts";
import type { Rig } from "../../rig/rig.ts";
import type { Broker } from "./broker.ts";
import type { Ledger } from "./ledger.ts";
import type { NodeAgent } from "./node-agent.ts";

/** What the check works with. */
export interface Place {
  readonly rig: Rig;
  readonly client: KubeClient;
  readonly broker: Broker;
  readonly ledger: Ledger;
  /** By node, the real one first. */
  readonly agents: ReadonlyMap<string, NodeAgent>;
  /** Folder for whatever a part keeps. */
  readonly folder: string;
  /** Folder on this machine where all analysers write. */
  readonly results: string;
  /** Folder of the certificates of scaler and KEDA. */
  readonly certificates: string;
  /** Folder of what the broker's Secret holds: `ca.crt`, `tls.crt` and `tls.key`. */
  readonly brokerSecret: string;
  readonly say: (line: string) => void;
}
