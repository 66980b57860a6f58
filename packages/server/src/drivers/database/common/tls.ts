/**
 * How the way to a server is protected, by its URL: `verified` is encrypted to one whose certificate was checked,
 * `encrypted` to whoever answers, `none` not at all, `local` never leaves this machine.
 */
export type Protection = "verified" | "encrypted" | "none" | "local";

/** As pg reads it: every mode that asks for TLS checks the certificate, but for those that say otherwise. */
export function protectionOf(serverUrl: string): Protection {
  const url = parse(serverUrl);
  const get = (name: string) => url.searchParams.get(name);
  const host = get("host") ?? decodeURIComponent(url.hostname);
  if (host === "" || host.startsWith("/") || loopback.test(host)) return "local";
  const mode = get("sslmode");
  if (mode === "disable" || get("ssl") === "0" || get("ssl") === "false") return "none";
  if (mode === "no-verify") return "encrypted";
  if (get("uselibpqcompat") === "true") {
    if (mode === "prefer") return "encrypted";
    if (mode === "require" && !get("sslrootcert")) return "encrypted";
  }
  const asks = ["sslmode", "sslrootcert", "sslcert", "sslkey", "ssl"].some((name) => get(name) !== null);
  return asks || get("sslnegotiation") === "direct" ? "verified" : "none";
}

/** A URL with a login and without a host, which then stands among the parameters, is one to pg alone. */
function parse(serverUrl: string): URL {
  return URL.parse(serverUrl) ?? new URL(serverUrl.replace("@/", "@localhost/"));
}

const loopback = /^(localhost|127(\.\d+){3}|\[?::1\]?)$/i;

/** What should be known about the way to a server, in sentences. */
export function protectionWarnings(serverUrl: string): string[] {
  const { hostname } = parse(serverUrl);
  switch (protectionOf(serverUrl)) {
    case "none":
      return [
        `The connection to ${hostname} isn't encrypted: passwords and tenants' data cross the network as they are. Add sslmode=verify-full to the URL.`,
      ];
    case "encrypted":
      return [
        `The connection to ${hostname} is encrypted, but nobody checks who answers. Use sslmode=verify-full, with sslrootcert where the authority is your own.`,
      ];
    default:
      return [];
  }
}
