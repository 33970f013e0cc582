import { EvenkeelError } from "../common/errors.ts";

/** Runs a command with its arguments; resolves to the exit code. */
export type Main = (args: string[]) => Promise<number>;

export interface Subcommand {
  readonly summary: string;
  /** What may be typed after its name. */
  readonly examples?: readonly string[];
  /** Called only when the command is: a start pays for nothing else. */
  readonly load: () => Promise<Main>;
}

/** Sub-commands by name. */
export type CommandTable = Readonly<Record<string, Subcommand>>;

/**
 * Calls the sub-command that `args` name first.
 * @param name what was typed before the sub-command, for the help text
 * @returns the exit code
 * @throws EvenkeelError EK_USAGE when no sub-command has that name
 */
export async function dispatch(name: string, commands: CommandTable, args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  if (command === undefined || command === "--help" || command === "-h" || command === "help") {
    console.log(helpText(name, commands));
    return command === undefined ? 2 : 0;
  }
  const found = Object.hasOwn(commands, command) ? commands[command] : undefined;
  if (found === undefined)
    throw new EvenkeelError("EK_USAGE", `there is no command ${JSON.stringify(command)}`, {
      where: name,
      next: `choose one of ${Object.keys(commands).join(", ")}; ${name} --help says what they do`,
    });
  return (await found.load())(rest);
}

function helpText(name: string, commands: CommandTable): string {
  const width = Math.max(...Object.keys(commands).map((command) => command.length));
  const rows = Object.entries(commands).map(([command, { summary }]) => `  ${command.padEnd(width)}  ${summary}`);
  const examples = Object.entries(commands).flatMap(([command, { examples = [] }]) =>
    examples.map((example) => `  ${name} ${command} ${example}`),
  );
  const shown = examples.length === 0 ? "" : `\n\nExamples\n${examples.join("\n")}`;
  return `${name} COMMAND [settings]\n\nCommands\n${rows.join("\n")}${shown}\n\n${name} COMMAND --help tells the settings of a command.`;
}
