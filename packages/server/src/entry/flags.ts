import { parseArgs } from "node:util";
import { options } from "../infra/config/index.ts";

/** The options of a command line, by option name, and `more` flags by their own; an unknown one is an error that names it. */
export function parseFlags(args: readonly string[], more: readonly string[] = []): Record<string, string> {
  const byFlag = Object.fromEntries([
    ...Object.entries(options).map(([name, option]) => [option.flag.replace(/^--/, ""), name]),
    ...more.map((flag) => [flag, flag]),
  ]);
  const known = Object.fromEntries(Object.keys(byFlag).map((flag) => [flag, { type: "string" as const }]));
  const { values } = parseArgs({ args: [...args], options: known, strict: true });
  return Object.fromEntries(Object.entries(values).map(([flag, value]) => [byFlag[flag]!, String(value)]));
}
