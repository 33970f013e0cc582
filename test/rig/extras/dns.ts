import { writeFileSync } from "node:fs";
import { DNS_ADDRESS, NODE_ADDRESS, paths } from "../place.ts";
import type { Programs } from "../programs/programs.ts";
import type { Session } from "../session.ts";
import { manifest, processService } from "./process-service.ts";

/** The cluster's DNS: CoreDNS on the node, behind the usual Service. It knows the cluster's names and no others. */
export async function startDns(session: Session, programs: Programs): Promise<void> {
  const { corefile } = paths(session.folder);
  writeFileSync(corefile, corefileText(session.state().kubeconfig));
  await session.start({ name: "coredns", program: programs.coredns as string, args: ["-conf", corefile] });
  const service = processService({
    namespace: "kube-system",
    name: "kube-dns",
    clusterIP: DNS_ADDRESS,
    ports: [
      { name: "dns", port: 53, targetPort: 53, protocol: "UDP" },
      { name: "dns-tcp", port: 53, targetPort: 53, protocol: "TCP" },
    ],
  });
  await session.kubectl(["apply", "--server-side", "-f", "-"], manifest(service));
}

function corefileText(kubeconfig: string): string {
  return `.:53 {
  bind ${NODE_ADDRESS}
  errors
  kubernetes cluster.local in-addr.arpa ip6.arpa {
    kubeconfig ${kubeconfig}
    pods insecure
    fallthrough in-addr.arpa ip6.arpa
    ttl 5
  }
  loop
  reload
}
`;
}
