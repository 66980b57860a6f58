import type { Db } from "../../infra/db/index.ts";
import type { Log } from "../../infra/log/index.ts";
import type { Clock } from "../../kernel/index.ts";
import type { Settings } from "../settings/index.ts";
import { createLogIn } from "./login.ts";
import { createRegister } from "./registration.ts";
import { createUsers } from "./users.ts";
import { createVerifications } from "./verifications.ts";

/** Everything about tenants' users: looking after them, logging them in, and their own part in it. */
export function createAccess(parts: { db: Db; clock: Clock; log: Log; settings: Settings }) {
  return {
    users: createUsers(parts),
    logIn: createLogIn(parts),
    register: createRegister(parts),
    verifications: createVerifications(parts),
  };
}
