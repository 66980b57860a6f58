import type { DatabaseRow } from "./databases.sql.ts";

export type DatabaseWanted = {
  environmentId: string;
  appId: string;
  level: DatabaseRow["level"];
  schemaVersion: number;
  region?: string | undefined;
  /** This server and no other. */
  serverId?: string | undefined;
  /** The environment's next place, beside the one in which it lives until it moves. */
  next?: boolean;
};

export type DatabasePlaced = {
  placementId: string;
  databaseId: string;
  /** Of the database as it stands, which a call that was interrupted may have begun when an older one was wanted. */
  schemaVersion: number;
  fromSpare: boolean;
};
