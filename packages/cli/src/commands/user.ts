import type { UserReply } from "@tenantry/contract";
import { type Command, Option } from "commander";
import { addPageOptions, fetchPages, noteMore, type PageOptions } from "../api/pages.ts";
import { path } from "../api/path.ts";
import { userRoles, userStatuses } from "../choices.ts";
import { contextOf, defineCommand, defineGroup, overApi } from "../command.ts";
import { confirm, readSecret } from "../confirm.ts";
import type { Look } from "../output/look.ts";
import { at, state, table } from "../output/table.ts";
import { wrongUsage } from "../problem.ts";
import { requireChange } from "./require-change.ts";
import { verificationLinkCommand, verifyCommand } from "./user-verification.ts";
import { showUser } from "./user-view.ts";

type UserOptions = {
  email?: string;
  name?: string;
  role?: string;
  password?: string;
  status?: string;
  unverified?: boolean;
  verified?: boolean;
};

/** `tenantry user …`: the users of a tenant. */
export function userCommand(): Command {
  return defineGroup("user", "the users of a tenant", [
    createCommand(),
    listCommand(),
    showCommand(),
    updateCommand(),
    verifyCommand(),
    verificationLinkCommand(),
    deleteCommand(),
    endSessionsCommand(),
  ]);
}

const tenantArgument = ["<tenant>", "the tenant's slug or id"] as const;
const userArgument = ["<user>", "the user's id"] as const;
const roleOption = () => new Option("--role <role>", "what the user may do there").choices(userRoles);
const passwordText = "at least 10 characters; - reads it from standard input; else TENANTRY_USER_PASSWORD";

function createCommand(): Command {
  const command = defineCommand("create", {
    summary: "make a user of a tenant",
    details: "Without a password the user can't log in yet.",
    examples: [
      "user create acme --email ann@acme.example --role admin --password -",
      'user create acme --email bob@acme.example --name "Bob Builder"',
    ],
    calls: ["createUser"],
  })
    .argument(...tenantArgument)
    .requiredOption("--email <address>", "unique within the tenant")
    .option("--name <name>", "what people call the user")
    .addOption(roleOption().default("editor"))
    .option("--password <password>", passwordText)
    .option("--unverified", "the user must prove the address first: see tenantry user verification-link");
  return overApi(command).action(async (tenant: string, options: UserOptions, self: Command) => {
    const { client, output } = await contextOf(self);
    const { email, name, role } = options;
    const emailVerified = options.unverified ? false : undefined;
    const body = { email, name, role, emailVerified, password: await passwordOf(options) };
    output.result(
      (await client.call<UserReply>("POST", path`/v1/tenants/${tenant}/users`, { body })).body,
      showUser,
    );
  });
}

function listCommand(): Command {
  const command = defineCommand("list", {
    summary: "list a tenant's users",
    examples: ["user list acme", "user list acme --search ann"],
    calls: ["listUsers"],
  })
    .argument(...tenantArgument)
    .option("--search <text>", "part of the address or the name");
  return overApi(addPageOptions(command)).action(
    async (tenant: string, options: PageOptions & { search?: string }, self: Command) => {
      const { client, output } = await contextOf(self);
      const { search } = options;
      const page = await fetchPages<UserReply>(client, path`/v1/tenants/${tenant}/users`, options, {
        search,
      });
      output.result(page, ({ items }, look) => showUsers(items, look, tenant));
      noteMore(output, page);
    },
  );
}

function showUsers(items: readonly UserReply[], look: Look, tenant: string): string {
  if (items.length === 0)
    return `There are no such users. This makes one: tenantry user create ${tenant} --email <address>`;
  const rows = items.map((user) => [
    user.id,
    user.email,
    user.name,
    user.role,
    state(user.status === "active" && user.emailVerifiedAt === null ? "unverified" : user.status),
    at(user.lastLoginAt),
  ]);
  return table(look, ["user", "email", "name", "role", "status", "last log-in"], rows);
}

function showCommand(): Command {
  const command = defineCommand("show", {
    summary: "show a user",
    examples: ["user show acme usr_01m7xr0gfxfqpr8fn1n27m6qws"],
    calls: ["showUser"],
  })
    .argument(...tenantArgument)
    .argument(...userArgument);
  return overApi(command).action(async (tenant: string, user: string, _options: object, self: Command) => {
    const { client, output } = await contextOf(self);
    output.result(
      (await client.call<UserReply>("GET", path`/v1/tenants/${tenant}/users/${user}`)).body,
      showUser,
    );
  });
}

function updateCommand(): Command {
  const command = defineCommand("update", {
    summary: "change a user",
    details:
      "What isn't named stays as it is. A new password and deactivation end the user's sessions; so does another address that must be proven.",
    examples: [
      "user update acme usr_01m7xr0gfxfqpr8fn1n27m6qws --role viewer",
      "user update acme usr_01m7xr0gfxfqpr8fn1n27m6qws --status deactivated",
    ],
    calls: ["updateUser"],
  })
    .argument(...tenantArgument)
    .argument(...userArgument)
    .option("--email <address>", "unique within the tenant; it must be proven anew")
    .option("--verified", "you vouch for the address")
    .option("--unverified", "you don't any more")
    .option("--name <name>", 'what people call the user; "" for nothing')
    .addOption(roleOption())
    .addOption(new Option("--status <status>", "whether the user may log in").choices(userStatuses))
    .option("--password <password>", passwordText);
  return overApi(command).action(
    async (tenant: string, user: string, options: UserOptions, self: Command) => {
      const { client, output } = await contextOf(self);
      const { email, role, status } = options;
      const name = options.name === "" ? null : options.name;
      const { verified, unverified } = options;
      if (verified && unverified) throw wrongUsage("--verified and --unverified exclude each other.");
      const emailVerified = verified ? true : unverified ? false : undefined;
      const body = { email, emailVerified, name, role, status, password: await passwordOf(options) };
      requireChange(body, self);
      const target = path`/v1/tenants/${tenant}/users/${user}`;
      output.result((await client.call<UserReply>("PATCH", target, { body })).body, showUser);
    },
  );
}

/** A user may do without a password: nobody is asked for one. */
async function passwordOf({ password: given }: UserOptions): Promise<string | undefined> {
  const variable = "TENANTRY_USER_PASSWORD";
  if (given === undefined && !process.env[variable]) return undefined;
  return readSecret({ given, variable, flag: "--password", question: "The user's password" });
}

function deleteCommand(): Command {
  const command = defineCommand("delete", {
    summary: "delete a user",
    examples: ["user delete acme usr_01m7xr0gfxfqpr8fn1n27m6qws --yes"],
    calls: ["deleteUser"],
  })
    .argument(...tenantArgument)
    .argument(...userArgument)
    .option("--yes", "without asking");
  return overApi(command).action(
    async (tenant: string, user: string, { yes }: { yes?: boolean }, self: Command) => {
      const { client, output } = await contextOf(self);
      const target = path`/v1/tenants/${tenant}/users/${user}`;
      if (!yes) await confirm(`Delete the user ${user} of ${tenant}? Nothing undoes that.`);
      await client.call("DELETE", target);
      output.result({ deleted: user }, () => `${user} was deleted.`);
    },
  );
}

function endSessionsCommand(): Command {
  const command = defineCommand("end-sessions", {
    summary: "log a user out everywhere",
    examples: ["user end-sessions acme usr_01m7xr0gfxfqpr8fn1n27m6qws"],
    calls: ["endSessions"],
  })
    .argument(...tenantArgument)
    .argument(...userArgument);
  return overApi(command).action(async (tenant: string, user: string, _options: object, self: Command) => {
    const { client, output } = await contextOf(self);
    await client.call("DELETE", path`/v1/tenants/${tenant}/users/${user}/sessions`);
    output.result({ ended: user }, () => `${user} is logged out everywhere.`);
  });
}
