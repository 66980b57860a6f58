import { type FieldError, failure, showId } from "../../kernel/index.ts";
import type { TenantRow } from "../tenants/index.ts";

/** What `{{ tenant.name }}` and the like stand for, by name. */
export type PlaceholderValues = Record<string, string | null>;

export type About = {
  tenant: Pick<TenantRow, "id" | "slug" | "name" | "plan" | "region" | "timezone" | "language">;
  environmentId: string;
  environment: string;
  url: string;
};

const meanings: Readonly<Record<string, (about: About) => string | null>> = {
  "tenant.id": ({ tenant }) => showId("tnt", tenant.id),
  "tenant.slug": ({ tenant }) => tenant.slug,
  "tenant.name": ({ tenant }) => tenant.name,
  "tenant.plan": ({ tenant }) => tenant.plan,
  "tenant.region": ({ tenant }) => tenant.region,
  "tenant.timezone": ({ tenant }) => tenant.timezone,
  "tenant.language": ({ tenant }) => tenant.language,
  "tenant.url": ({ url }) => url,
  "environment.id": ({ environmentId }) => showId("env", environmentId),
  "environment.name": ({ environment }) => environment,
};

/** The values of one tenant's environment. */
export function placeholderValues(about: About): PlaceholderValues {
  return Object.fromEntries(Object.entries(meanings).map(([name, of]) => [name, of(about)]));
}

const names = Object.keys(meanings);
const placeholder = /\{\{\s*([A-Za-z][\w.]*)\s*\}\}/g;

/** Throws one `invalid_request` that names every text with a placeholder that stands for nothing. */
export function requireKnownPlaceholders(settings: Record<string, unknown>, pointer: string): void {
  const errors: FieldError[] = [];
  visit(settings, pointer, (text, where) => {
    for (const [whole, name] of text.matchAll(placeholder)) {
      if (names.includes(name!)) continue;
      errors.push({ pointer: where, message: `There is no ${whole}; there are ${names.join(", ")}.` });
    }
  });
  if (errors.length > 0) throw failure("invalid_request", { detail: errors[0]!.message, errors });
}

function visit(value: unknown, pointer: string, onText: (text: string, pointer: string) => void): void {
  if (typeof value === "string") onText(value, pointer);
  else if (typeof value === "object" && value !== null)
    for (const [key, inner] of Object.entries(value)) visit(inner, `${pointer}/${key}`, onText);
}

/** Fills in the texts within a setting; what a tenant hasn't is an empty text. */
export function fillIn(value: unknown, values: PlaceholderValues): unknown {
  if (typeof value === "string") {
    return value.replace(placeholder, (whole, name: string) =>
      Object.hasOwn(values, name) ? (values[name] ?? "") : whole,
    );
  }
  if (Array.isArray(value)) return value.map((one) => fillIn(one, values));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fillIn(inner, values)]));
}
