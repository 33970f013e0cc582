import { join } from "node:path";
import { run } from "../run.ts";
import { file, type LayerEntry, tree } from "./layer.ts";
import { librariesOf } from "./libraries.ts";

const QUESTION = `import json, sys, sysconfig
print(json.dumps([sys.executable, sysconfig.get_path("stdlib"), "%d.%d" % sys.version_info[:2]]))`;

/** Parts of the standard library that are large and that no script needs which runs in a pod. */
const LEFT_OUT =
  /(^|\/)(__pycache__|site-packages|dist-packages|test|tests|idlelib|turtledemo|ensurepip|tkinter|lib2to3|config-[^/]*)(\/|$)/;

/** The machine's Python 3 with its standard library, under /usr/local. */
export async function pythonLayer(): Promise<LayerEntry[]> {
  const answer = await run("python3", ["-c", QUESTION]);
  const [executable, library, version] = JSON.parse(answer) as [string, string, string];
  const files = tree(library, `/usr/local/lib/python${version}`, (relative) => !LEFT_OUT.test(relative));
  const extensions = files.flatMap((entry) =>
    entry.kind === "file" && entry.path.endsWith(".so") ? [entry.source] : [],
  );
  return [
    ...(await librariesOf([executable, ...extensions])),
    ...files,
    file(executable, join("/usr/local/bin", `python${version}`)),
    { kind: "link", path: "/usr/local/bin/python3", target: `python${version}` },
  ];
}
