import { encodeUuid, parseId } from "../../../kernel/index.ts";

const name = "[0-7][0-9a-hjkmnp-tv-z]{25}";
const databasePattern = new RegExp(`^tna_(${name})\\.tn_${name}$`);
const blueprintPattern = new RegExp(`^tnb_${name}_[0-9a-f]{16}$`);
const shelfPattern = new RegExp(`^tna_${name}$`);

/** The directory in which an application's environments have theirs. */
export const shelfName = (appId: string): string => `tna_${encodeUuid(appId)}`;

/** What an environment has: `<shelf>.<directory>`. */
export const fileName = (appId: string, databaseId: string): string =>
  `${shelfName(appId)}.tn_${encodeUuid(databaseId)}`;

export const isShelf = (entry: string): boolean => shelfPattern.test(entry);
export const isDatabase = (physicalName: string): boolean => databasePattern.test(physicalName);
export const isBlueprint = (physicalName: string): boolean => blueprintPattern.test(physicalName);

/** Whose a database is. Throws for what this driver can't have named. */
export function appOf(physicalName: string): string {
  const [, app] = databasePattern.exec(physicalName) ?? [];
  if (!app) throw new Error(`${JSON.stringify(physicalName)} is no database in a file.`);
  return parseId("app", `app_${app}`)!;
}
