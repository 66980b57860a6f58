import { isIP } from "node:net";
import {
  clearedSessionCookie,
  EmailNotVerified,
  isTenantryError,
  LoginRefused,
  readSessionCookie,
  sessionCookie,
  type Tenantry,
  TooManyAttempts,
} from "@tenantry/sdk";
import { Hono } from "hono";
import { identityOf } from "../identity.ts";
import { adminFrame } from "./admin-frame.ts";
import type { AdminContext, AdminEnv } from "./editor.ts";
import { readForm } from "./form.ts";
import { loginView } from "./login-view.ts";
import { type Notice, noticeAfter } from "./notice.ts";

const start = "/admin/pages";

/** Log in and log out. */
export function loginRoutes(tenantry: Tenantry): Hono<AdminEnv> {
  const routes = new Hono<AdminEnv>();

  routes.get("/login", (context) => {
    if (context.var.editor) return context.redirect(start, 303);
    const notice = noticeAfter(context.req.query("done"));
    const form = { email: "", next: safeNext(context.req.query("next")) };
    return showLogin(tenantry, context, form, notice && { status: 200, notice });
  });

  routes.post("/login", async (context) => {
    const { email = "", password = "", next } = await readForm(context);
    const form = { email: email.trim(), next: safeNext(next) };
    try {
      const { token } = await tenantry.auth.login({ ...visitorOf(context), email: form.email, password });
      // Whoever was logged in here before isn't any more.
      await tenantry.auth.logout(readSessionCookie(context.req.raw));
      context.header("set-cookie", sessionCookie(context.req.raw, token));
      return context.redirect(form.next, 303);
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal.retryAfterSeconds !== undefined) {
        context.header("retry-after", String(Math.ceil(refusal.retryAfterSeconds)));
      }
      return showLogin(tenantry, context, form, refusal);
    }
  });

  routes.post("/logout", async (context) => {
    await tenantry.auth.logout(readSessionCookie(context.req.raw));
    context.header("set-cookie", clearedSessionCookie(context.req.raw));
    return context.redirect("/", 303);
  });
  return routes;
}

type Refusal = { status: 200 | 401 | 403 | 429 | 503; notice: Notice; retryAfterSeconds?: number };

function refusalOf(error: unknown): Refusal {
  if (!isTenantryError(error)) throw error;
  if (error instanceof EmailNotVerified) return { status: 403, notice: notConfirmed };
  if (error instanceof LoginRefused) {
    return {
      status: 401,
      notice: {
        tone: "bad",
        title: "That e-mail address and password don’t match",
        text: "Check both, and try again.",
      },
    };
  }
  if (error instanceof TooManyAttempts) {
    const { retryAfterSeconds = 60 } = error;
    const text = `Please wait ${showWait(retryAfterSeconds)}, then try again. This protects your account from being guessed.`;
    return {
      status: 429,
      notice: { tone: "bad", title: "Too many attempts to log in", text },
      retryAfterSeconds,
    };
  }
  if (error.status !== 503) throw error;
  return {
    status: 503,
    notice: {
      tone: "bad",
      title: "Nobody can log in at the moment",
      text: "The site can still be read. Please try again in a minute.",
    },
    retryAfterSeconds: error.retryAfterSeconds ?? 5,
  };
}

const notConfirmed: Notice = {
  tone: "bad",
  title: "Confirm your e-mail address first",
  text: "Open the link that was sent to it, and come back. If you have none, or it is older than 24 hours, ask an admin of this site for another one.",
};

/** A time to wait, for people. */
export function showWait(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} seconds`;
  return `${Math.ceil(seconds / 60)} minutes`;
}

function showLogin(
  tenantry: Tenantry,
  context: AdminContext,
  form: { email: string; next: string },
  refusal?: Refusal,
): Response | Promise<Response> {
  const identity = identityOf(tenantry, context.req.raw);
  const page = loginView(identity, form, refusal?.notice);
  return context.html(adminFrame(identity, undefined, page), refusal?.status ?? 200);
}

/** Only pages of the editor's own: an address elsewhere would be a trap. */
function safeNext(next: string | undefined): string {
  return next !== undefined && /^\/admin\/[\w/-]*$/.test(next) && next !== "/admin/login" ? next : start;
}

/** By whom attempts are counted. What the gateway writes last is what it saw itself, or its own proxy. */
export function visitorOf(context: AdminContext): { address?: string; userAgent?: string } {
  const seen = (context.req.header("x-forwarded-for") ?? "").split(",").map((address) => address.trim());
  const address = seen.length > 1 ? seen.at(-2)! : seen[0]!;
  const userAgent = context.req.header("user-agent")?.slice(0, 1_000);
  return { ...(isIP(address) ? { address } : {}), ...(userAgent ? { userAgent } : {}) };
}
