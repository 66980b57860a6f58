/** The same server with another login and database; host, port and parameters stay. */
export function urlAs(
  serverUrl: string,
  login: { user: string; password: string; database: string },
): string {
  const parts = /^(?<scheme>[a-z]+:\/\/)(?:[^@/?#]*@)?(?<host>[^/?#]*)(?:\/[^?#]*)?(?<query>\?[^#]*)?/.exec(
    serverUrl,
  )?.groups;
  if (!parts) throw new TypeError("The server's URL can't be read.");
  const credentials = `${encodeURIComponent(login.user)}:${encodeURIComponent(login.password)}`;
  return `${parts.scheme}${credentials}@${parts.host}/${encodeURIComponent(login.database)}${parts.query ?? ""}`;
}

/** The same server and login with another database. */
export function urlTo(serverUrl: string, database: string): string {
  const parts = /^(?<start>[a-z]+:\/\/[^/?#]*)(?:\/[^?#]*)?(?<query>\?[^#]*)?/.exec(serverUrl)?.groups;
  if (!parts) throw new TypeError("The server's URL can't be read.");
  return `${parts.start}/${encodeURIComponent(database)}${parts.query ?? ""}`;
}
