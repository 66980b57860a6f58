import { type Connect, serverUnreachable } from "./session.ts";

/** Looks at a database without changing anything. */
export async function reading<Result>(
  connect: Connect,
  url: string,
  work: (client: Awaited<ReturnType<Connect>>) => Promise<Result>,
): Promise<Result> {
  const client = await connect({
    connectionString: url,
    application_name: "tenantry look",
    connectionTimeoutMillis: 10_000,
    options: "-c search_path=pg_catalog -c statement_timeout=30000 -c default_transaction_read_only=on",
  }).catch((cause: unknown) => {
    throw serverUnreachable(cause);
  });
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
