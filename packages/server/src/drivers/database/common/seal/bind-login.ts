import type { Session } from "../session.ts";
import { trustedParameter } from "./strategy.ts";
import { selectSealed } from "./verify-seal.sql.ts";

/**
 * The settings that a login's sessions have to begin with, so that they are in their environment from the first statement
 * on. Where the policies verify each statement, they look up who logged in, and nothing is set.
 */
export async function bindLogin(inside: Session, environmentId: string): Promise<Record<string, string>> {
  const sealed = await inside.inspect((client) => selectSealed(client));
  if (!sealed) throw new Error("The database has no seal.");
  if (sealed.strategy === "statement") return {};
  return { [trustedParameter]: contextOfLogin(environmentId) };
}

const contextOfLogin = (environmentId: string): string => environmentId.replaceAll("-", "");
