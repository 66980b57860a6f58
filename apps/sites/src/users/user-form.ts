import { oneLine } from "../one-line.ts";
import { isRole, type Role } from "./roles.ts";

export type UserText = { name: string; email: string; role: Role | undefined };
export type UserField = keyof UserText | "password";
export type UserMistake = { field: UserField; message: string };

export const shortestPassword = 10;
const longestPassword = 256;
const longestName = 200;
/** RFC 5321. */
const longestEmail = 254;

/** What was typed, tidied, and what is wrong with it as far as that can be told here: the API has the last word. */
export function readUserForm(form: Record<string, string>): { text: UserText; mistakes: UserMistake[] } {
  const role = isRole(form.role) ? form.role : undefined;
  const text = { name: oneLine(form.name), email: oneLine(form.email), role };
  return { text, mistakes: mistakesIn(text) };
}

function mistakesIn({ name, email, role }: UserText): UserMistake[] {
  const mistakes: UserMistake[] = [];
  if (name.length > longestName) {
    const message = `The name has ${name.length} characters, and may have ${longestName}. Shorten it.`;
    mistakes.push({ field: "name", message });
  }
  if (email === "") mistakes.push({ field: "email", message: "Type the e-mail address." });
  else if (!isAddress(email)) mistakes.push({ field: "email", message: noAddress });
  if (role === undefined) mistakes.push({ field: "role", message: "Choose a role." });
  return mistakes;
}

function isAddress(email: string): boolean {
  return email.length <= longestEmail && /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email);
}

export const noAddress = "This isn’t an e-mail address. It should look like anna@example.com.";

/** Why a password can't be taken; undefined when the API may decide. */
export function mistakeInPassword(password: string): string | undefined {
  const length = [...password].length;
  if (length === 0) return "Choose a password.";
  if (length < shortestPassword) {
    return `The password has ${length} ${length === 1 ? "character" : "characters"}, and needs at least ${shortestPassword}.`;
  }
  if (password.length > longestPassword) return `The password has more than ${longestPassword} characters.`;
  return undefined;
}
