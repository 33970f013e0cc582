import { hostname } from "node:os";
import { type Command, is, type Values } from "../../common/settings.ts";
import { nodeSettings } from "../../xds/scaler/settings.ts";

const settings = {
  ...nodeSettings,
  assignSlots: {
    flag: "assign-slots",
    env: "EVENKEEL_POSTURE_ASSIGN_SLOTS",
    parse: is.flag,
    help: "give free slots (posture/slot) to eligible nodes that have none",
  },
  identity: {
    flag: "identity",
    env: "POD_NAME",
    value: "NAME",
    parse: is.text,
    default: `${hostname()}-${process.pid}`,
    help: "this replica's name, unlike the others'",
  },
  leaseName: {
    flag: "lease-name",
    env: "EVENKEEL_POSTURE_LEASE",
    value: "NAME",
    parse: is.text,
    default: "posture-controller",
    help: "name of the Lease, in --namespace, that the replica which writes holds",
  },
  leaseDuration: {
    flag: "lease-duration",
    env: "EVENKEEL_POSTURE_LEASE_DURATION",
    value: "TIME",
    parse: is.duration(1000, 600_000),
    default: "15s",
    help: "a replica that is not heard of for this long is replaced",
  },
} as const;

export const POSTURE_CONTROLLER: Command<typeof settings> = {
  name: "evenkeel posture controller",
  summary:
    "Watches the nodes for posture jobs: tells of them at /nodes, keeps the gauge of free ones, marks busy ones for the scheduler.",
  settings,
  examples: [
    "evenkeel posture controller --assign-slots",
    "PROM_URL=http://prometheus:9090 evenkeel posture controller",
  ],
};

export type PostureControllerSettings = Values<typeof settings>;
