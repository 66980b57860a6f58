import { isTenantryError, LoginRefused, sessionCookie, type Tenantry, TooManyAttempts } from "@tenantry/sdk";
import { Hono } from "hono";
import type { AdminContext, AdminEnv } from "../admin/editor.ts";
import { readForm } from "../admin/form.ts";
import { showWait, visitorOf } from "../admin/login-routes.ts";
import type { Notice } from "../admin/notice.ts";
import { editorOf, showAdmin } from "../admin/shown.ts";
import { type AccountMistake, accountView } from "./account-view.ts";
import { mistakeInPassword } from "./user-form.ts";

/** One's own account, for everybody who can log in: viewers too [IAM-3]. */
export function accountRoutes(tenantry: Tenantry): Hono<AdminEnv> {
  const routes = new Hono<AdminEnv>();

  routes.use(async (context, next) => {
    if (!context.var.editor) return toLogin(context);
    await next();
    return undefined;
  });

  routes.get("/", (context) => show(tenantry, context));

  routes.post("/password", async (context) => {
    const { currentPassword = "", password = "" } = await readForm(context);
    const mistakes = mistakesIn({ currentPassword, password });
    if (mistakes.length > 0) return show(tenantry, context, { status: 422, mistakes });
    const { sessionToken } = editorOf(context);
    try {
      const change = { ...visitorOf(context), currentPassword, password };
      const { token } = await tenantry.auth.changePassword(sessionToken, change);
      context.header("set-cookie", sessionCookie(context.req.raw, token));
    } catch (error) {
      if (isTenantryError(error) && error.code === "session_invalid") return toLogin(context);
      return show(tenantry, context, refusalOf(context, error));
    }
    return context.redirect("/admin/account?done=password-changed", 303);
  });
  return routes;
}

function toLogin(context: AdminContext): Response {
  return context.redirect("/admin/login?next=/admin/account", 303);
}

type Outcome = { status: 200 | 422 | 429; mistakes?: readonly AccountMistake[]; notice?: Notice };

function show(
  tenantry: Tenantry,
  context: AdminContext,
  { status, mistakes, notice }: Outcome = { status: 200 },
): Response | Promise<Response> {
  return showAdmin(tenantry, context, accountView(editorOf(context), { mistakes, notice }), status);
}

const wrongPassword: AccountMistake = {
  field: "currentPassword",
  message: "This isn’t your present password.",
};

function mistakesIn(typed: { currentPassword: string; password: string }): AccountMistake[] {
  const mistakes: AccountMistake[] = [];
  if (typed.currentPassword === "") {
    mistakes.push({ field: "currentPassword", message: "Type your present password." });
  } else if (typed.currentPassword.length > 1_000) mistakes.push(wrongPassword);
  const message = mistakeInPassword(typed.password);
  if (message !== undefined) mistakes.push({ field: "password", message });
  else if (typed.password === typed.currentPassword) {
    mistakes.push({ field: "password", message: "This is your password already. Choose another one." });
  }
  return mistakes;
}

/** Why the API refused. Throws what typing differently can't mend. */
function refusalOf(context: AdminContext, error: unknown): Outcome {
  if (error instanceof LoginRefused) return { status: 422, mistakes: [wrongPassword] };
  if (error instanceof TooManyAttempts) {
    const { retryAfterSeconds = 60 } = error;
    context.header("retry-after", String(Math.ceil(retryAfterSeconds)));
    const text = `Please wait ${showWait(retryAfterSeconds)}, then try again. This protects your account from being guessed.`;
    return { status: 429, notice: { tone: "bad", title: "Too many wrong passwords", text } };
  }
  if (!isTenantryError(error) || error.code !== "invalid_request") throw error;
  const mistakes = error.errors.map(({ pointer, message }): AccountMistake => {
    if (pointer !== "/password") throw error;
    return { field: "password", message };
  });
  return { status: 422, mistakes };
}
