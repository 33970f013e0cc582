import { expect, test } from "vitest";
import { parseLdd } from "./libraries.ts";

test("takes libraries and the loader, and neither the kernel's own nor what is missing", () => {
  const listing = `\tlinux-vdso.so.1 (0x00007ffd)
\tlibdl.so.2 => /lib/x86_64-linux-gnu/libdl.so.2 (0x00007f01)
\tlibgone.so => not found
\t/lib64/ld-linux-x86-64.so.2 (0x00007f02)
`;
  expect(parseLdd(listing)).toEqual(["/lib/x86_64-linux-gnu/libdl.so.2", "/lib64/ld-linux-x86-64.so.2"]);
});
