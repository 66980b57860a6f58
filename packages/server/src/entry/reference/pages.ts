import {
  errorCatalogue,
  permissionCatalogue,
  type SettingDefinition,
  settingDefinitions,
} from "@tenantry/contract";
import { type Option, options } from "../../infra/config/index.ts";
import { attacksPage } from "./attacks-page.ts";
import { eventsPage } from "./events-page.ts";
import { page, table } from "./markdown.ts";
import { probesPage } from "./probes-page.ts";
import { storeAttacksPage } from "./store-attacks-page.ts";

/** The pages of the reference that are written from the code, by their file's name below docs/reference. */
export const pages: Readonly<Record<string, () => string>> = {
  "attacks.md": attacksPage,
  "attacks-on-files-and-caches.md": storeAttacksPage,
  "configuration.md": configurationPage,
  "errors.md": errorsPage,
  "events.md": eventsPage,
  "isolation-probes.md": probesPage,
  "permissions.md": permissionsPage,
};

function errorsPage(): string {
  const rows = Object.entries(errorCatalogue)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([code, entry]) => [`\`${code}\``, String(entry.status), entry.title, entry.remedy ?? ""]);
  return page(
    "Errors",
    "Every refusal of the API is a problem document (RFC 9457, `application/problem+json`). Programs go by `code`; people read `title`, `detail` and `remedy`. `errors` lists each mistake in a request with a pointer: `/slug` in the body, `?limit` in the query, otherwise the name of the part of the path or of the header.",
    table(["Code", "Status", "What it means", "What to do"], rows),
  );
}

function configurationPage(): string {
  const all = Object.values(options) as Option[];
  const rows = all.map((option) => [
    `\`${option.flag}\``,
    `\`${option.variable}\``,
    option.path ? `\`/${option.path.join("/")}\`` : "",
    shown(option.fallback),
    option.description,
  ]);
  const settings = Object.entries(settingDefinitions) as [string, SettingDefinition][];
  const settingRows = settings.map(([key, { variable, default: fallback, scopes, description }]) => [
    `\`${key}\``,
    variable ? `\`${variable}\`` : "",
    shown(fallback),
    scopes.join(", "),
    description,
  ]);
  return page(
    "Configuration",
    "What a process needs to start. A flag wins over an environment variable, that over `config.json` in the data directory, that over the default. An empty variable counts as unset. Start-up lists every mistake at once, with where it stands.",
    table(["Flag", "Variable", "In config.json", "Default", "What it is"], rows),
    "## Settings",
    "Live settings, changed with `PATCH /v1/settings` (and, where a tenant may have its own, for one tenant). A variable fixes a setting for the whole installation, and so does `config.json` under `/settings`: it can't be changed by the API then.",
    table(["Setting", "Variable", "Default", "Set for", "What it is"], settingRows),
  );
}

function permissionsPage(): string {
  const rows = Object.entries(permissionCatalogue).map(([name, meaning]) => [`\`${name}\``, meaning]);
  return page(
    "Permissions",
    "Each route of the API needs one permission. An operator's key holds all but `runtime:*`; an application's key holds those alone, for its own tenants.",
    table(["Permission", "What it allows"], rows),
  );
}

function shown(value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return "none";
  return `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;
}
