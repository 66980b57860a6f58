/** What a key may be allowed to do, each in words for the API's documentation. */
export const permissionCatalogue = {
  "tenants:read": "See tenants and their environments.",
  "tenants:write": "Create, change, suspend, resume and delete tenants.",
  "templates:read": "See the templates that tenants are made from.",
  "templates:write": "Create, change and delete templates.",
  "domains:read": "See the domains that tenants have of their own.",
  "domains:write": "Add, verify and remove domains of tenants' own, and vouch for them.",
  "credentials:read": "See the database logins of environments. Holds their passwords.",
  "credentials:write": "Make, rotate and revoke database logins of environments.",
  "users:read": "See the users of tenants.",
  "users:write":
    "Create, change and delete users of tenants, end their sessions, and vouch for their addresses.",
  "apps:read": "See applications and their releases.",
  "apps:write": "Create applications and release new versions of them.",
  "servers:read": "See database servers.",
  "servers:write": "Register, change and remove database servers.",
  "operations:read": "See operations and follow their progress.",
  "operations:write": "Cancel and retry operations.",
  "events:read": "See what happened to tenants and applications, and follow it.",
  "isolation:read": "See what verifications of isolation found.",
  "isolation:verify": "Have it verified that no tenant reaches another.",
  "settings:read": "See the installation's settings.",
  "settings:write": "Change the installation's settings.",
  "keys:read": "See which API keys exist, never the keys themselves.",
  "keys:write": "Make and revoke API keys.",
  "runtime:read": "Follow where the application's own tenants live. Holds secrets.",
  "runtime:users": "Log users of the application's own tenants in and out, and register them.",
} as const satisfies Record<string, string>;

export type Permission = keyof typeof permissionCatalogue;

/** Whom a key was made for: someone who runs the installation, or an application that runs on it. */
export type KeyKind = "operator" | "app";

/**
 * Whether a key of that kind holds a permission. An operator's key holds all but `runtime:*`, which speaks for one
 * application; an application's key holds those alone.
 */
export function keyHolds(kind: KeyKind, permission: Permission): boolean {
  return (kind === "app") === permission.startsWith("runtime:");
}
