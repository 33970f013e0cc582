/** The translators from the fleet to Envoy's messages: pure functions, one for each kind of resource. */
export { type ClusterOptions, clusterMessage } from "./cluster.ts";
export { assignmentMessage } from "./endpoints.ts";
export { type ListenerOptions, listenerMessage } from "./listener.ts";
export { routeMessage } from "./route.ts";
