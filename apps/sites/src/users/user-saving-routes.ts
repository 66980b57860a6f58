import type { Tenantry, User, UserAdministration, UserChange } from "@tenantry/sdk";
import { Hono } from "hono";
import type { AdminContext, AdminEnv } from "../admin/editor.ts";
import { readForm } from "../admin/form.ts";
import type { Notice } from "../admin/notice.ts";
import { editorOf, showAdmin } from "../admin/shown.ts";
import { maxUsers } from "../limits.ts";
import type { Proof } from "./address-view.ts";
import { isRole } from "./roles.ts";
import { mistakeInPassword, readUserForm, type UserMistake, type UserText } from "./user-form.ts";
import { type EditedUser, editUserView, newUserView } from "./user-form-view.ts";
import { type Refused, refusedUser } from "./user-refusals.ts";

/** Creating a user and changing one. Whatever comes of it, the admin gets back what was typed, but for passwords. */
export function userSavingRoutes(tenantry: Tenantry): Hono<AdminEnv> {
  const routes = new Hono<AdminEnv>();
  routes.get("/new", (context) =>
    showNew(tenantry, context, { text: { name: "", email: "", role: "editor" } }),
  );
  routes.post("/", (context) => create(tenantry, context));
  routes.post("/:id{usr_[0-9a-z]{1,60}}", (context) => save(tenantry, context, context.req.param("id")));
  routes.post("/:id{usr_[0-9a-z]{1,60}}/password", (context) =>
    setPassword(tenantry, context, context.req.param("id")),
  );
  return routes;
}

/** The tenant's users in the hands of whoever is logged in; the API looks at their role again. */
export function administer(tenantry: Tenantry, context: AdminContext): UserAdministration {
  return tenantry.auth.administer(editorOf(context).sessionToken);
}

export function toLogin(context: AdminContext): Response {
  return context.redirect("/admin/login?next=/admin/users", 303);
}

async function create(tenantry: Tenantry, context: AdminContext): Promise<Response> {
  const form = await readForm(context);
  const { text, mistakes } = readUserForm(form);
  const typed = { text, mustProve: form["must-prove"] === "yes" };
  if (!context.var.editor) return showNew(tenantry, context, typed, { status: 401, notice: loggedOut });
  const { password = "" } = form;
  mistakes.push(...inPassword(password));
  if (mistakes.length > 0) return showNew(tenantry, context, typed, { status: 422, mistakes });
  const { name, email, role } = text;
  try {
    const user = await administer(tenantry, context).create({
      email,
      password,
      emailVerified: !typed.mustProve,
      ...(name && { name }),
      ...(role && { role }),
    });
    const next = typed.mustProve ? `/${user.id}?done=user-created-unproven` : "?done=user-created";
    return context.redirect(`/admin/users${next}`, 303);
  } catch (error) {
    return showNew(tenantry, context, typed, refusedUser(error, maxUsers(tenantry.settings)));
  }
}

async function save(tenantry: Tenantry, context: AdminContext, id: string): Promise<Response> {
  const form = await readForm(context);
  const seen = seenIn(form);
  const { text, mistakes } = readUserForm({ ...form, role: form.role ?? form["seen-role"] ?? "" });
  if (!context.var.editor) {
    const written = { user: { id, email: seen.email }, text, seen };
    return showEdit(tenantry, context, written, { status: 401, notice: loggedOut });
  }
  const admin = administer(tenantry, context);
  const giveBack = async (refused: Refused): Promise<Response> =>
    showEdit(tenantry, context, { user: await admin.show(id), text, seen }, refused);
  if (mistakes.length > 0) return giveBack({ status: 422, mistakes });
  const change = changeOf(seen, text);
  // One's own address nobody else has to believe; who mistyped it isn't locked out by it.
  if (change.email !== undefined && id === context.var.editor.id) change.emailVerified = true;
  try {
    const saved = Object.keys(change).length > 0 ? await admin.update(id, change) : undefined;
    const isUnproven = change.email !== undefined && saved?.emailVerifiedAt === null;
    return context.redirect(`/admin/users/${id}?done=${isUnproven ? "user-unproven" : "user-saved"}`, 303);
  } catch (error) {
    return giveBack(refusedUser(error, maxUsers(tenantry.settings)));
  }
}

async function setPassword(tenantry: Tenantry, context: AdminContext, id: string): Promise<Response> {
  if (!context.var.editor) return toLogin(context);
  const { password = "" } = await readForm(context);
  const admin = administer(tenantry, context);
  const mistakes = inPassword(password);
  if (mistakes.length > 0)
    return showUser(tenantry, context, await admin.show(id), { status: 422, mistakes });
  try {
    await admin.update(id, { password });
  } catch (error) {
    const refused = refusedUser(error, maxUsers(tenantry.settings));
    return showUser(tenantry, context, await admin.show(id), refused);
  }
  return context.redirect(`/admin/users/${id}?done=user-password`, 303);
}

type Outcome = Omit<Refused, "status"> & { status: 200 | 401 | 409 | 422 };

/** One user as they are now. */
export function showUser(
  tenantry: Tenantry,
  context: AdminContext,
  user: User,
  outcome: Outcome = { status: 200 },
  proof?: Proof,
): Response | Promise<Response> {
  const text = textOf(user);
  return showEdit(tenantry, context, { user, text, seen: text, proof }, outcome);
}

function showEdit(
  tenantry: Tenantry,
  context: AdminContext,
  written: Pick<EditedUser, "user" | "text" | "seen" | "proof">,
  { status, mistakes, notice }: Outcome,
): Response | Promise<Response> {
  const { timezone } = tenantry.current();
  const view = editUserView({ ...written, mistakes, notice, timezone }, context.var.editor);
  return showAdmin(tenantry, context, view, status);
}

function showNew(
  tenantry: Tenantry,
  context: AdminContext,
  typed: { text: UserText; mustProve?: boolean },
  { status, mistakes, notice }: Outcome = { status: 200 },
): Response | Promise<Response> {
  const view = newUserView({ ...typed, mistakes, notice }, context.var.editor);
  return showAdmin(tenantry, context, view, status);
}

const loggedOut: Notice = {
  tone: "bad",
  title: "You were logged out, and nothing was saved yet",
  text: "What you typed is still here, but for passwords. Log in again in another tab, come back, and save once more.",
  link: { href: "/admin/login", label: "Log in again", newTab: true },
};

function inPassword(password: string): UserMistake[] {
  const message = mistakeInPassword(password);
  return message === undefined ? [] : [{ field: "password", message }];
}

function textOf({ name, email, role }: User): UserText {
  return { name: name ?? "", email, role: isRole(role) ? role : undefined };
}

/** What the form showed before anybody typed. */
function seenIn(form: Record<string, string>): UserText {
  const role = form["seen-role"];
  return {
    name: form["seen-name"] ?? "",
    email: form["seen-email"] ?? "",
    role: isRole(role) ? role : undefined,
  };
}

/** What was typed, and nothing else: another admin may have changed the rest meanwhile. */
function changeOf(seen: UserText, text: UserText): UserChange {
  return {
    ...(text.name !== seen.name && { name: text.name === "" ? null : text.name }),
    ...(text.email !== seen.email && { email: text.email }),
    ...(text.role !== undefined && text.role !== seen.role && { role: text.role }),
  };
}
