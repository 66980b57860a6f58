import { html } from "hono/html";
import type { Html } from "../layout/html.ts";

/** A moment as the tenant's clocks show it. */
export function dateTime(moment: Date, timezone: string): Html {
  return html`<time datetime="${moment.toISOString()}">${formatter(timezone).format(moment)}</time>`;
}

function formatter(timezone: string): Intl.DateTimeFormat {
  const style = { dateStyle: "medium", timeStyle: "short" } as const;
  try {
    return new Intl.DateTimeFormat("en-GB", { ...style, timeZone: timezone });
  } catch {
    // A zone that this version of Node doesn't know (yet).
    return new Intl.DateTimeFormat("en-GB", { ...style, timeZone: "UTC" });
  }
}
