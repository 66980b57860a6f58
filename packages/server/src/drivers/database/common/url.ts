/** How a server is reached, whoever logs in. */
const addressParameters = new Set([
  "host",
  "port",
  "ssl",
  "sslmode",
  "sslrootcert",
  "sslcert",
  "sslkey",
  "sslnegotiation",
  "uselibpqcompat",
  "connect_timeout",
]);

/**
 * The same server with another login and database. Of the parameters only those stay that say how it is reached: a
 * `user` or `password` among them would go before the login, and make everyone the administrator.
 */
export function urlAs(
  serverUrl: string,
  login: { user: string; password: string; database: string },
): string {
  const parts = /^(?<scheme>[a-z]+:\/\/)(?:[^@/?#]*@)?(?<host>[^/?#]*)(?:\/[^?#]*)?(?<query>\?[^#]*)?/.exec(
    serverUrl,
  )?.groups;
  if (!parts) throw new TypeError("The server's URL can't be read.");
  const credentials = `${encodeURIComponent(login.user)}:${encodeURIComponent(login.password)}`;
  return `${parts.scheme}${credentials}@${parts.host}/${encodeURIComponent(login.database)}${addressQuery(parts.query)}`;
}

/** As `urlAs`, for programs of others: libpq refuses a parameter that it doesn't know. */
export function clientUrl(
  serverUrl: string,
  login: { user: string; password: string; database: string },
): string {
  const [address, query] = urlAs(serverUrl, login).split("?", 2) as [string, string?];
  const kept = (query ?? "")
    .split("&")
    .filter((part) => part !== "" && !/^(uselibpqcompat=|ssl=(?!true$))/.test(part));
  return kept.length > 0 ? `${address}?${kept.join("&")}` : address;
}

/** Names are compared as clients read them, so that none hides behind percent signs. */
function addressQuery(query = ""): string {
  const kept = query
    .slice(1)
    .split("&")
    .filter((part) => [...new URLSearchParams(part).keys()].every((name) => addressParameters.has(name)))
    .filter((part) => part !== "");
  return kept.length > 0 ? `?${kept.join("&")}` : "";
}

/** The same server and login with another database. */
export function urlTo(serverUrl: string, database: string): string {
  const parts = /^(?<start>[a-z]+:\/\/[^/?#]*)(?:\/[^?#]*)?(?<query>\?[^#]*)?/.exec(serverUrl)?.groups;
  if (!parts) throw new TypeError("The server's URL can't be read.");
  return `${parts.start}/${encodeURIComponent(database)}${parts.query ?? ""}`;
}

const sessionParameters = new Set([
  "application_name",
  "fallback_application_name",
  "options",
  "statement_timeout",
  "lock_timeout",
  "idle_in_transaction_session_timeout",
  "query_timeout",
]);

/** The URL without what would go before the settings of our own sessions: by their names we know our backends. */
export function withoutSessionParameters(url: string): string {
  const [address = "", query] = url.split("?", 2);
  if (!query) return url;
  const kept = query.split("&").filter((part) => !sessionParameters.has(part.split("=", 1)[0]!));
  return kept.length > 0 ? `${address}?${kept.join("&")}` : address;
}
