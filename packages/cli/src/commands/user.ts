import type { UserReply } from "@tenantry/contract";
import { Command } from "commander";
import { contextOf } from "../context.ts";
import { fields, table } from "../output.ts";
import { addPageOptions, type PageOptions, pageThrough } from "../pages.ts";

const usersPath = (tenant: string, rest = "") => `/v1/tenants/${encodeURIComponent(tenant)}/users${rest}`;
const userPath = (tenant: string, user: string, rest = "") =>
  usersPath(tenant, `/${encodeURIComponent(user)}${rest}`);

type UserOptions = { email?: string; name?: string; role?: string; password?: string; status?: string };

/** `tenantry user …`: the users of a tenant. */
export function userCommand(): Command {
  const user = new Command("user").description("the users of a tenant");
  addReads(user);
  addWrites(user);
  return user;
}

function addReads(parent: Command): void {
  addPageOptions(parent.command("list").argument("<tenant>", "its slug or id"))
    .description("list a tenant's users")
    .option("--search <text>", "part of the address or the name")
    .action(async (tenant: string, options: PageOptions & { search?: string }, command: Command) => {
      const { client, output } = await contextOf(command);
      const page = await pageThrough<UserReply>(client, usersPath(tenant), options, {
        search: options.search,
      });
      output.result(page, ({ items }) =>
        table(
          ["user", "email", "name", "role", "status"],
          items.map((one) => [one.id, one.email, one.name, one.role, one.status]),
        ),
      );
    });
  parent
    .command("show")
    .argument("<tenant>", "its slug or id")
    .argument("<user>", "the user's id")
    .description("show a user")
    .action(async (tenant: string, id: string, _options: object, command: Command) => {
      const { client, output } = await contextOf(command);
      output.result((await client.call<UserReply>("GET", userPath(tenant, id))).body, showUser);
    });
}

function addWrites(parent: Command): void {
  parent
    .command("create")
    .argument("<tenant>", "its slug or id")
    .description("make a user")
    .requiredOption("--email <address>")
    .option("--name <name>")
    .option("--role <role>", "admin, editor or viewer", "editor")
    .option("--password <password>", "or TENANTRY_USER_PASSWORD, which keeps it out of the history")
    .action(async (tenant: string, options: UserOptions, command: Command) => {
      const { client, output } = await contextOf(command);
      const body = { ...options, password: options.password ?? process.env.TENANTRY_USER_PASSWORD };
      output.result(
        (await client.call<UserReply>("POST", usersPath(tenant), { body: own(body) })).body,
        showUser,
      );
    });
  parent
    .command("update")
    .argument("<tenant>", "its slug or id")
    .argument("<user>", "the user's id")
    .description("change a user")
    .option("--email <address>")
    .option("--name <name>")
    .option("--role <role>", "admin, editor or viewer")
    .option("--status <status>", "active or deactivated")
    .option("--password <password>", "ends the user's sessions")
    .action(async (tenant: string, id: string, options: UserOptions, command: Command) => {
      const { client, output } = await contextOf(command);
      const { body } = await client.call<UserReply>("PATCH", userPath(tenant, id), { body: own(options) });
      output.result(body, showUser);
    });
  for (const [verb, rest, said] of [
    ["delete", "", "was deleted"],
    ["end-sessions", "/sessions", "is logged out everywhere"],
  ] as const) {
    parent
      .command(verb)
      .argument("<tenant>", "its slug or id")
      .argument("<user>", "the user's id")
      .description(verb === "delete" ? "delete a user" : "end a user's sessions")
      .action(async (tenant: string, id: string, _options: object, command: Command) => {
        const { client, output } = await contextOf(command);
        await client.call("DELETE", userPath(tenant, id, rest));
        output.result({ user: id }, () => `${id} ${said}.`);
      });
  }
}

/** Commander hands the shared options on with the command's own. */
function own({ email, name, role, password, status }: UserOptions): UserOptions {
  return { email, name, role, password, status };
}

function showUser(user: UserReply): string {
  return fields([
    ["User", user.id],
    ["E-mail", user.email],
    ["Name", user.name],
    ["Role", user.role],
    ["Status", user.status],
    ["Last log-in", user.lastLoginAt],
  ]);
}
