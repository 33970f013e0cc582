import type { LayerEntry } from "./layer.ts";

const NAMES = "root:x:0:0::/root:/sbin/nologin\nnobody:x:65534:65534::/:/sbin/nologin\n";

/** The few files under /etc that programs look for names in. */
export function accounts(): LayerEntry[] {
  return [
    { kind: "text", path: "/etc/passwd", text: NAMES, mode: 0o644 },
    { kind: "text", path: "/etc/group", text: "root:x:0:\nnogroup:x:65534:\n", mode: 0o644 },
    { kind: "text", path: "/etc/nsswitch.conf", text: "hosts: files dns\n", mode: 0o644 },
    { kind: "folder", path: "/tmp", mode: 0o1777 },
  ];
}
