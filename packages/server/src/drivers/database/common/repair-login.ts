import { failure } from "../../../kernel/index.ts";
import type { BuiltDatabase, DatabaseServer, DriverContext } from "../driver.ts";
import type { DriverParts } from "./parts.ts";
import { loginOf } from "./role-login.ts";
import { allowLogin, forbidLogin, leaveRole, terminateRole } from "./roles.sql.ts";
import { scramVerifier } from "./scram.ts";
import { serverUnreachable, withSession } from "./session.ts";
import { urlAs } from "./url.ts";

const connectTimeoutMs = 5_000;

type Request = { server: DatabaseServer; database: BuiltDatabase; place: LoginPlace };

/** Where a role logs in, and the name whose lock everybody takes who changes it. */
export type LoginPlace = { database: string; lock: string };

/** Implements `DatabaseDriver.repairLogin`. */
export async function repairLogin(
  parts: DriverParts,
  context: DriverContext,
  request: Request,
): Promise<boolean> {
  if (await mayLogIn(parts, request)) return false;
  const { server, database } = request;
  const { user: roleName, password } = loginOf(database);
  const verifier = await scramVerifier(password);
  const repaired = await withSession(parts.connect, context, server, request.place.lock, async (session) => {
    // Whoever had the lock before us may have repaired it.
    if (await mayLogIn(parts, request)) return false;
    // Nobody may come in, and those who are in must be gone: they could change it again.
    await forbidLogin(session, roleName);
    await terminateRole(session, roleName);
    await leaveRole(session, roleName);
    await allowLogin(session, roleName, verifier);
    return true;
  });
  if (await mayLogIn(parts, request)) return repaired;
  throw failure("server_unreachable", { detail: `The server doesn't let the role ${roleName} log in.` });
}

/**
 * Wrong password; not allowed to log in, as a repair that was interrupted leaves the role; told by itself to load a
 * library that isn't there.
 */
const refusals = new Set(["28P01", "28000", "58P01"]);
/** Too many connections: the server says so once it has let us in. */
const crowded = "53300";

async function mayLogIn(parts: DriverParts, { server, database, place }: Request): Promise<boolean> {
  const { user, password } = loginOf(database);
  try {
    const client = await parts.connect({
      connectionString: urlAs(server.url, { user, password, database: place.database }),
      application_name: "tenantry look",
      connectionTimeoutMillis: connectTimeoutMs,
    });
    await client.end();
    return true;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === crowded) return true;
    if (code !== undefined && refusals.has(code)) return false;
    throw serverUnreachable(error);
  }
}
