import { type Connect, serverUnreachable, sessionSettings } from "./session.ts";

type Work<Result> = (client: Awaited<ReturnType<Connect>>) => Promise<Result>;

/** Looks at a database without changing anything. */
export function reading<Result>(connect: Connect, url: string, work: Work<Result>): Promise<Result> {
  const settings = { default_transaction_read_only: "on" };
  return outsideOfSteps(connect, url, { name: "tenantry look", settings }, work);
}

/** Works on a connection of its own that no operation stands behind. Throws `server_unreachable`. */
export async function outsideOfSteps<Result>(
  connect: Connect,
  url: string,
  { name, settings }: { name: string; settings?: Record<string, string> },
  work: Work<Result>,
): Promise<Result> {
  const client = await connect({
    connectionString: url,
    application_name: name,
    connectionTimeoutMillis: 10_000,
    options: sessionSettings({ search_path: "pg_catalog", statement_timeout: "30000", ...settings }),
  }).catch((cause: unknown) => {
    throw serverUnreachable(cause);
  });
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
