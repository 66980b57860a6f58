import type {
  AppReply,
  DomainReply,
  KeyReply,
  OperationReply,
  ServerReply,
  SettingReply,
  TemplateReply,
  TenantReply,
  UserReply,
} from "@tenantry/contract";
import { type Client, createClient } from "../api/client.ts";
import type { Page } from "../api/pages.ts";
import { path } from "../api/path.ts";
import { findInstallation } from "../installation.ts";
import type { Choice } from "./words.ts";

/** What an installation has of a kind. `values` are the arguments before: a user belongs to a tenant. */
type Lookup = (client: Client, values: readonly string[]) => Promise<Choice[]>;

const lookups: Readonly<Record<string, Lookup>> = {
  tenant: async (client) =>
    (await list<TenantReply>(client, "/v1/tenants")).map(({ slug, name }) => ({ word: slug, about: name })),
  app: async (client) =>
    (await list<AppReply>(client, "/v1/apps")).map(({ slug }) => ({ word: slug, about: "" })),
  template: async (client) =>
    (await list<TemplateReply>(client, "/v1/templates")).map(({ name, description }) => ({
      word: name,
      about: description ?? "",
    })),
  server: async (client) =>
    (await list<ServerReply>(client, "/v1/servers")).map(({ name, host }) => ({
      word: name,
      about: host ?? "",
    })),
  key: async (client) =>
    (await list<KeyReply>(client, "/v1/keys")).map(({ id, name }) => ({ word: id, about: name })),
  operation: async (client) =>
    (await list<OperationReply>(client, "/v1/operations")).map(({ id, kind, status }) => ({
      word: id,
      about: `${kind}, ${status}`,
    })),
  user: async (client, [tenant]) =>
    tenant === undefined
      ? []
      : (await list<UserReply>(client, path`/v1/tenants/${tenant}/users`)).map(({ id, email }) => ({
          word: id,
          about: email,
        })),
  domain: async (client, [tenant]) =>
    tenant === undefined
      ? []
      : (await list<DomainReply>(client, path`/v1/tenants/${tenant}/domains`)).map(
          ({ hostname, status }) => ({
            word: hostname,
            about: status,
          }),
        ),
  "key=value": async (client) =>
    (await list<SettingReply>(client, "/v1/settings", {})).map(({ key, description }) => ({
      word: `${key}=`,
      about: description ?? "",
    })),
};

async function list<Item>(
  client: Client,
  where: string,
  query: { limit?: number } = { limit: 200 },
): Promise<Item[]> {
  return (await client.call<Page<Item>>("GET", where, { query })).body.items;
}

/** Nobody waits longer for a proposal. */
const deadlineMs = 1500;

/** What the installation has under that name; nothing when it can't be asked. */
export async function lookUp(
  name: string,
  values: readonly string[],
  options: Readonly<Record<string, string>>,
): Promise<Choice[]> {
  const lookup = lookups[name];
  if (!lookup) return [];
  try {
    const { url, apiKey, dataDir } = options;
    return await lookup(
      createClient(await findInstallation({ url, apiKey, dataDir }), { deadlineMs }),
      values,
    );
  } catch {
    // A message here would end up in the middle of what is being typed.
    return [];
  }
}
