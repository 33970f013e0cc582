import { EvenkeelError } from "../../common/errors.ts";
import { readTextFile } from "../../common/text-file.ts";

const MAX_BYTES = 64 * 1024;

/**
 * A secret from `NAME`, or from the file that `NAME_FILE` names (a line break at its end does not count). Never from a
 * flag: command lines are for all to see.
 * @throws EvenkeelError EK_FILE_UNREADABLE, EK_SETTING_INVALID when both are set
 */
export function secretFrom(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const value = env[name] === "" ? undefined : env[name];
  const path = env[`${name}_FILE`];
  if (path === undefined || path === "") return value;
  if (value !== undefined)
    throw new EvenkeelError("EK_SETTING_INVALID", `${name} and ${name}_FILE are both set`, { where: name });
  const text = readTextFile(path, `the file of ${name}_FILE`, MAX_BYTES);
  if (text === undefined) throw new EvenkeelError("EK_FILE_UNREADABLE", "it is not text", { where: path });
  return text.replace(/\r?\n$/, "");
}
