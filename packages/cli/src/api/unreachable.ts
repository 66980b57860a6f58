import { type CliError, refusal } from "../problem.ts";

/** Why there is no answer from `url`, and what to do about it. */
export function unreachable(url: string, cause: unknown): CliError {
  const code = codeOf(cause);
  const make = (title: string, remedy: string) =>
    refusal("installation_unreachable", title, { remedy, cause });
  const { hostname } = new URL(url);
  if ((cause as Error).name === "TimeoutError") {
    return make(
      `The installation at ${url} took too long to answer.`,
      "Whether it did what was asked isn't known: look before you repeat it.",
    );
  }
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return make(`The name ${hostname} leads nowhere.`, "Look at --url or TENANTRY_URL.");
  }
  if (code !== undefined && /CERT|SIGNED|SSL|TLS/.test(code)) {
    return make(
      `The certificate of ${url} isn't trusted (${code}).`,
      "NODE_EXTRA_CA_CERTS names a file of authorities to trust.",
    );
  }
  if (code === "ECONNRESET" || code === "UND_ERR_SOCKET") {
    return make(
      `The installation at ${url} broke off before it had answered.`,
      "Whether it did what was asked isn't known: look before you repeat it.",
    );
  }
  const local = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
  return make(
    `The installation at ${url} doesn't answer${code ? ` (${code})` : ""}.`,
    local
      ? "Is it running? `tenantry up` or `npm start` starts it."
      : "Is it running, and may this machine reach it?",
  );
}

/** What undici wraps, or what several attempts at one name failed with. */
function codeOf(error: unknown): string | undefined {
  const { code, cause, errors } = error as { code?: unknown; cause?: unknown; errors?: unknown[] };
  if (cause instanceof Error) return codeOf(cause);
  if (typeof code === "string") return code;
  return errors?.length ? codeOf(errors[0]) : undefined;
}
