import type { UserReply, VerificationLink } from "@tenantry/contract";
import type { Command } from "commander";
import type { Client } from "../api/client.ts";
import { path } from "../api/path.ts";
import { contextOf, defineCommand, overApi } from "../command.ts";
import { at, fields } from "../output/table.ts";
import { CliError } from "../problem.ts";
import { showUser } from "./user-view.ts";

const tenantArgument = ["<tenant>", "the tenant's slug or id"] as const;
const userArgument = ["<user>", "the user's e-mail address or id"] as const;

/** `tenantry user verify`: an operator vouches for an address. */
export function verifyCommand(): Command {
  const command = defineCommand("verify", {
    summary: "vouch for a user's e-mail address",
    details:
      "While the setting requireEmailVerification is on, nobody logs in before that, or a proof by link.",
    examples: ["user verify acme ann@acme.example"],
    calls: ["updateUser", "listUsers"],
  })
    .argument(...tenantArgument)
    .argument(...userArgument);
  return overApi(command).action(async (tenant: string, user: string, _options: object, self: Command) => {
    const { client, output } = await contextOf(self);
    const target = path`/v1/tenants/${tenant}/users/${await idOf(client, tenant, user)}`;
    const { body } = await client.call<UserReply>("PATCH", target, { body: { emailVerified: true } });
    output.result(body, showUser);
  });
}

/** `tenantry user verification-link`: what a user proves their address with, for whoever mails it. */
export function verificationLinkCommand(): Command {
  const command = defineCommand("verification-link", {
    summary: "make a link by which a user proves their e-mail address",
    details:
      "Good once, for 24 hours; links made before are no good any more. Nothing is sent: mail it to the address.",
    examples: ["user verification-link acme ann@acme.example"],
    calls: ["createVerification", "listUsers"],
  })
    .argument(...tenantArgument)
    .argument(...userArgument);
  return overApi(command).action(async (tenant: string, user: string, _options: object, self: Command) => {
    const { client, output } = await contextOf(self);
    const target = path`/v1/tenants/${tenant}/users/${await idOf(client, tenant, user)}/verification`;
    output.result((await client.call<VerificationLink>("POST", target)).body, (link, look) =>
      fields(look, [
        ["User", link.userId],
        ["Mail it to", link.email],
        ["Link", link.url],
        ["Token", link.token],
        ["Good until", at(link.expiresAt)],
      ]),
    );
  });
}

/** Addresses are unique within a tenant, so that people needn't look up ids. */
async function idOf(client: Client, tenant: string, user: string): Promise<string> {
  if (!user.includes("@")) return user;
  const query = { search: user, limit: 200 };
  const target = path`/v1/tenants/${tenant}/users`;
  const { body } = await client.call<{ items: UserReply[] }>("GET", target, { query });
  const found = body.items.find(({ email }) => email.toLowerCase() === user.toLowerCase());
  if (!found) {
    const title = `The tenant ${tenant} has no user with the address ${user}.`;
    throw new CliError({ title, code: "user_not_found", remedy: `Look at: tenantry user list ${tenant}` });
  }
  return found.id;
}
