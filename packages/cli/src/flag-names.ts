import type { Command } from "commander";

/** Fields of the API whose flag has another name. */
const otherNames: Readonly<Record<string, string>> = {
  database: "level",
  healthPath: "health",
  parentId: "parent",
  slug: "name",
  tenantId: "tenant",
  upstreamUrl: "upstream",
  url: "databaseUrl",
  workingDirectory: "directory",
};

/** Say where the installation is and how to print: no field of a request is theirs. */
const ofTheCommandItself = new Set(["url", "apiKey", "dataDir", "json"]);

/**
 * The flag or argument that a problem's pointer is about: `/admin/password` → `--admin-password`, `?limit` → `--limit`.
 * The pointer itself where there is none; empty for the request as a whole.
 */
export function flagOf(pointer: string, command: Command | undefined): string {
  const parts = pointer.split(/[/?]/).filter((part) => part !== "" && !/^\d+$/.test(part));
  if (!command || parts.length === 0) return pointer;
  const joined = parts
    .map((part, index) => (index === 0 ? part : part.charAt(0).toUpperCase() + part.slice(1)))
    .join("");
  const options = command.options.filter((one) => !ofTheCommandItself.has(one.attributeName()));
  for (const name of [joined, parts[0]!, parts.at(-1)!]) {
    for (const candidate of [name, otherNames[name], name.replace(/s$/, "")]) {
      const option = options.find((one) => one.attributeName() === candidate);
      if (option?.long) return option.long;
      if (command.registeredArguments.some((one) => one.name() === candidate)) return `<${candidate}>`;
    }
  }
  return pointer;
}
