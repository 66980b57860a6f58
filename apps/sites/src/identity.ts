import { isSecure, type Tenantry } from "@tenantry/sdk";
import { accentOf } from "./layout/accent.ts";
import type { Identity } from "./layout/site-frame.ts";
import { speechFor } from "./layout/words.ts";

/** Whose site this request is for, and how that site shows itself. */
export function identityOf(tenantry: Tenantry, request: Request): Identity {
  const { tenant, environment, language, settings } = tenantry.current();
  return {
    name: tenant.name,
    tenantId: tenant.id,
    accent: accentOf(settings.get("app.accent"), tenant.id),
    speech: speechFor(language),
    origin: primaryOrigin(request, environment.hostnames[0]),
    listed: environment.name === "production",
  };
}

/** A site with several names is one site to search engines: its first name, at the port that the request came to. */
function primaryOrigin(request: Request, primary: string | undefined): string {
  const scheme = isSecure({ headers: request.headers }) ? "https" : "http";
  const host = request.headers.get("host") ?? new URL(request.url).host;
  const port = /:\d+$/.exec(host)?.[0] ?? "";
  return `${scheme}://${primary === undefined ? host : primary + port}`;
}
