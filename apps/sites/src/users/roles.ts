import type { NewUser } from "@tenantry/sdk";

export type Role = NonNullable<NewUser["role"]>;

/** What a user may do, the least first. */
export const roles: Readonly<Record<Role, { label: string; hint: string }>> = {
  viewer: { label: "Viewer", hint: "Looks at everything in the editor, and changes nothing." },
  editor: { label: "Editor", hint: "Writes, publishes and deletes pages, and uploads files." },
  admin: { label: "Admin", hint: "May do everything, and looks after the users." },
};

export function isRole(text: string | undefined): text is Role {
  return text !== undefined && Object.hasOwn(roles, text);
}

/** The name people know a role by; a role that we don't know (yet) as it is. */
export function labelOf(role: string): string {
  return isRole(role) ? roles[role].label : role;
}
