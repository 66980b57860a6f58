import { parseArgs } from "node:util";
import { options } from "../infra/config/index.ts";

/** The options of a command line, by option name; an unknown flag is an error that names it. */
export function parseFlags(args: readonly string[]): Record<string, string> {
  const byFlag = Object.fromEntries(
    Object.entries(options).map(([name, option]) => [option.flag.replace(/^--/, ""), name]),
  );
  const known = Object.fromEntries(Object.keys(byFlag).map((flag) => [flag, { type: "string" as const }]));
  const { values } = parseArgs({ args: [...args], options: known, strict: true });
  return Object.fromEntries(Object.entries(values).map(([flag, value]) => [byFlag[flag]!, String(value)]));
}
