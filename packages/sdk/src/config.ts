import { TenantryError } from "./errors.ts";

/** Where this package tells what happens behind the application's back: an event's name and its fields. */
export type Log = {
  info(fields: object, event: string): void;
  warn(fields: object, event: string): void;
};

export type TenantryOptions = {
  /** The API of the installation; `TENANTRY_URL` when left out. */
  url?: string;
  /** The application's key; `TENANTRY_APP_KEY` when left out. */
  appKey?: string;
  /** Any logger of pino's kind. Without one, warnings go through `process.emitWarning`. */
  log?: Log;
};

export type Configuration = { url: URL; appKey: string; log: Log };

/** Completes the options from the environment; what is missing or wrong is said in one sentence. */
export function configure(options: TenantryOptions): Configuration {
  const url = options.url ?? process.env.TENANTRY_URL;
  const appKey = options.appKey ?? process.env.TENANTRY_APP_KEY;
  if (!url) throw missing("TENANTRY_URL", "url");
  if (!appKey) throw missing("TENANTRY_APP_KEY", "appKey");
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    throw new TenantryError(`TENANTRY_URL should be an http or https address, not "${url.slice(0, 100)}".`, {
      code: "configuration_wrong",
      status: 500,
    });
  }
  return { url: new URL(url), appKey, log: options.log ?? warningsOnly };
}

function missing(variable: string, option: string): TenantryError {
  return new TenantryError(
    `${variable} isn't set: let Tenantry start the application, or pass createTenantry({ ${option} }).`,
    { code: "configuration_missing", status: 500 },
  );
}

const warningsOnly: Log = {
  info: () => undefined,
  warn(fields, event) {
    process.emitWarning(`${event} ${JSON.stringify(fields)}`, "TenantryWarning");
  },
};
