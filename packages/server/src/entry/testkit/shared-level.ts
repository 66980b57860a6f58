import type { BuiltDatabase, Sharing } from "../../drivers/database/index.ts";
import { newId } from "../../kernel/index.ts";
import { workContext } from "./context.ts";
import { type Ground, type Level, location } from "./level.ts";

/** One database with places for so many tenants, one after another; it goes when the last of them has gone. */
type Common = { databaseId: string; database: BuiltDatabase; admitted: number; living: number };

/** Taking one tenant's rows out again costs as much as dropping a database with the rows of all. */
const mostAdmitted = 200;

/** Environments share a database. What a tenant leaves there, nobody can ask for; it goes with the database. */
export async function sharedLevel(ground: Ground, sharing: Sharing): Promise<Level> {
  let current: Promise<Common> | undefined;

  /** With a place in it that is taken. */
  async function room(): Promise<Common> {
    for (;;) {
      current ??= buildCommon(ground);
      const building = current;
      try {
        const common = await building;
        if (common.admitted < mostAdmitted) {
          common.admitted += 1;
          common.living += 1;
          return common;
        }
      } catch (error) {
        if (current === building) current = undefined;
        throw error;
      }
      if (current === building) current = undefined;
    }
  }

  async function leave(common: Common): Promise<void> {
    common.living -= 1;
    if (common.living === 0 && common.admitted >= mostAdmitted) await drop(ground, common.database);
  }

  current = buildCommon(ground);
  await current;
  return { make: async () => makeIn(ground, sharing, await room(), leave) };
}

async function buildCommon({ server, driver, schema, signal, stays }: Ground): Promise<Common> {
  const databaseId = newId();
  const database = await driver.build(workContext(signal), { server, schema, databaseId });
  stays(database.name);
  return { databaseId, database, admitted: 0, living: 0 };
}

async function makeIn(
  ground: Ground,
  sharing: Sharing,
  common: Common,
  leave: (common: Common) => Promise<void>,
): ReturnType<Level["make"]> {
  const { server, driver, schema, signal } = ground;
  const { databaseId, database } = common;
  const environmentId = newId();
  const sealKey = database.sealKey!;
  const place = { server, database, databaseId, appId: schema.appId, environmentId, sealKey };
  await sharing.admit(workContext(signal), place).catch(async (error: unknown) => {
    await leave(common);
    throw error;
  });
  return {
    environmentId,
    database: {
      ...location(ground, database),
      seal: { databaseId, environmentId, key: sealKey, pooled: false },
    },
    repair: async () => driver.repairLogin?.(workContext(signal), { server, database }),
    discard: () => leave(common),
    mostWaiting: mostAdmitted,
  };
}

function drop({ driver, server, signal }: Ground, { name }: BuiltDatabase): Promise<void> {
  return driver.remove(workContext(signal), { server, thing: { kind: "database", name } });
}
