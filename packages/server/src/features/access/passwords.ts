import { invalidField } from "../../kernel/index.ts";
import { isCommonPassword } from "./common-passwords.ts";

const minLength = 10;
const maxLength = 256;

/**
 * Throws `invalid_request` at `pointer` unless the password will do: long enough, not one that everyone tries first,
 * not the user's own address. Nothing else is demanded: rules about digits and signs make passwords worse.
 */
export function requireGoodPassword(password: string, email: string, pointer: string): void {
  const reason = weakness(password, email);
  if (reason) throw invalidField(pointer, reason, "Choose a longer one, such as four words of your own.");
}

function weakness(password: string, email: string): string | undefined {
  const length = [...password].length;
  if (length < minLength) return `The password has ${length} characters; it needs at least ${minLength}.`;
  if (password.length > maxLength) return `The password has more than ${maxLength} characters.`;
  if (new Set(password).size < 4) return "The password repeats too few characters.";
  const lower = password.toLowerCase();
  const [local = ""] = email.toLowerCase().split("@");
  if (lower === email.toLowerCase() || lower === local) return "The password is the e-mail address.";
  if (isCommonPassword(password)) return "The password is one of those that are tried first.";
  return undefined;
}
