import { createHash } from "node:crypto";
import type { ErrorCode } from "@tenantry/contract";
import type { TenantryError } from "../kernel/index.ts";
import type { Route } from "./route.ts";

type Text = { title: string; text: string };

/** What people read. `name` is the tenant's name, or its host; `detail` is what somebody wants to have said. */
const texts: Partial<Record<ErrorCode, (name: string, detail?: string) => Text>> = {
  unknown_host: () => ({
    title: "There is no site here",
    text: "Nothing is set up under this address. Check it for a typing error.",
  }),
  tenant_provisioning: (name) => ({
    title: `${name} is being set up`,
    text: "This takes a moment. The site appears here as soon as it is ready.",
  }),
  tenant_suspended: (name) => ({
    title: `${name} is switched off`,
    text: "This site is suspended at the moment. If it is yours, ask whoever provides it to you.",
  }),
  tenant_over_quota: (name) => ({
    title: `${name} has reached its limit`,
    text: "This site has used up what its plan includes. If it is yours, ask whoever provides it to you.",
  }),
  tenant_maintenance: (name, detail) => ({
    title: `${name} will be right back`,
    text: detail ?? "Maintenance is under way. The site appears here as soon as it is done.",
  }),
  tenant_failed: (name) => ({
    title: `${name} couldn’t be set up`,
    text: "Something went wrong while this site was made. Whoever provides it can see what it was.",
  }),
  tenant_deleted: (name) => ({ title: `${name} is gone`, text: "This site was deleted." }),
  no_upstream: (name) => ({
    title: `${name} isn’t running`,
    text: "The application behind this site isn’t running at the moment. Try again shortly.",
  }),
  upstream_unreachable: (name) => ({
    title: `${name} doesn’t answer`,
    text: "The application behind this site doesn’t answer at the moment. Try again shortly.",
  }),
  upstream_timeout: (name) => ({
    title: `${name} took too long`,
    text: "The application behind this site didn’t answer in time. Try again shortly.",
  }),
  busy: (name) => ({
    title: `${name} is very busy`,
    text: "Too many visitors came at once. Try again in a moment.",
  }),
};

/** Looks every second whether the site has become ready, and moves the bar meanwhile. */
const script =
  'const bar=document.querySelector("progress"),share=document.querySelector(".share");' +
  "setInterval(async()=>{try{" +
  'const state=await(await fetch("/_tenantry/health",{cache:"no-store"})).json();' +
  "if(state.status!==document.body.dataset.status)location.reload();" +
  'else if(bar&&state.progress){bar.value=state.progress;share.textContent=Math.round(state.progress*100)+" %"}' +
  "}catch(error){document.body.dataset.error=error}},1000)";

const style = `
:root{color-scheme:light dark;--paper:#f6f5f2;--card:#fff;--ink:#1d1c1a;--soft:#5f5b55;--line:#e3e0da;--accent:#2f6f5e}
@media(prefers-color-scheme:dark){:root{--paper:#161716;--card:#202221;--ink:#f0efec;--soft:#aaa69f;--line:#343735;--accent:#7cc4ae}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--paper);color:var(--ink);font:1.0625rem/1.6 system-ui,sans-serif}
main{width:100%;max-width:32rem;padding:clamp(1.75rem,6vw,3rem);background:linear-gradient(var(--accent),var(--accent)) 0 0/100% 4px no-repeat,var(--card);border:1px solid var(--line);border-radius:.75rem}
h1{margin:0 0 .75rem;font-size:clamp(1.5rem,5vw,2rem);line-height:1.2;letter-spacing:-.01em;text-wrap:balance;overflow-wrap:anywhere}
p{margin:0;color:var(--soft);text-wrap:pretty;overflow-wrap:anywhere}
progress{display:block;width:100%;height:.5rem;margin-top:1.75rem;border:0;border-radius:1rem;overflow:hidden;background:var(--line);accent-color:var(--accent)}
progress::-webkit-progress-bar{background:var(--line)}
progress::-webkit-progress-value{background:var(--accent);border-radius:1rem;transition:inline-size .6s}
progress::-moz-progress-bar{background:var(--accent);border-radius:1rem}
.share{margin-top:.5rem;font-size:.875rem;font-variant-numeric:tabular-nums}
@media(prefers-reduced-motion:reduce){progress::-webkit-progress-value{transition:none}}
footer{margin-top:2rem;padding-top:1rem;border-top:1px solid var(--line);font-size:.8125rem;color:var(--soft);overflow-wrap:anywhere}
`.trim();

/** A page may load nothing: all it has is its own style and, where it waits for something, its own script. */
export const pageHeaders: readonly string[] = [
  "Content-Type",
  "text/html; charset=utf-8",
  "Content-Security-Policy",
  `default-src 'none'; connect-src 'self'; style-src '${digest(style)}'; script-src '${digest(script)}'; ` +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "X-Content-Type-Options",
  "nosniff",
  "Referrer-Policy",
  "no-referrer",
];

/** The page that people see in the application's place. */
export function renderPage(error: TenantryError, route: Route | undefined, requestId: string): string {
  const name = route?.tenantName || route?.hostname || "This site";
  const { title, text } = texts[error.code]?.(name, error.details.detail) ?? {
    title: error.title,
    text: error.details.detail ?? error.remedy ?? "",
  };
  const waits = error.code === "tenant_provisioning" || error.code === "tenant_maintenance";
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">',
    `<title>${escapeHtml(title)}</title><style>${style}</style>`,
    waits ? '<noscript><meta http-equiv="refresh" content="3"></noscript>' : "",
    `</head><body data-status="${route?.status ?? ""}"><main><h1>${escapeHtml(title)}</h1>`,
    `<p role="status">${escapeHtml(text)}</p>`,
    error.code === "tenant_provisioning" ? progressBar(route?.progress ?? 0) : "",
    // Whoever waits for what is under way needs no number to complain by.
    waits ? "" : `<footer>${error.status} · ${escapeHtml(requestId)}</footer>`,
    "</main>",
    waits ? `<script>${script}</script>` : "",
    "</body></html>",
  ].join("");
}

function progressBar(progress: number): string {
  const percent = Math.round(progress * 100);
  const bar = `<progress max="1" value="${progress}" aria-label="Progress">${percent} %</progress>`;
  return `${bar}<p class="share" aria-hidden="true">${percent} %</p>`;
}

function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

function digest(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
