import type { DatabaseServer, DriverContext } from "../driver.ts";
import type { Files } from "./open-file.ts";

export type SqliteOptions = {
  /**
   * The user that an application's processes run as, when it is another than ours: only root can give files away.
   * Undefined where they run as the same user.
   */
  ownerOf?: ((appId: string) => Promise<number | undefined>) | undefined;
};

/** What every part of the driver works with. */
export type SqliteParts = SqliteOptions & { files: Files };

export async function ownerFor({ ownerOf }: SqliteOptions, appId: string): Promise<number> {
  return (await ownerOf?.(appId)) ?? process.getuid!();
}

export const resourceOf = (server: DatabaseServer, physicalName: string) => ({
  kind: "database",
  driver: "sqlite",
  serverId: server.id,
  physicalName,
});

/** A file that one holder of an operation makes, where nobody else looks. */
export const makingName = (physicalName: string, { operationId, fence }: DriverContext): string =>
  `${physicalName}.${operationId}.${fence}`;
