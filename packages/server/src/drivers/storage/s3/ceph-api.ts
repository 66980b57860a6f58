import type { S3Server } from "./server.ts";
import { ApiRefused, sendSigned } from "./signed-request.ts";

export const hasCephName = (error: unknown, ...names: string[]): boolean =>
  error instanceof ApiRefused && names.includes(error.name);

type At = Omit<S3Server, "id" | "users">;

/** A request to the admin API, signed with the server's own key. Throws what the API refuses by its name. */
export async function askCeph(
  server: At,
  method: string,
  path: string,
  query: Record<string, string>,
): Promise<unknown> {
  const { endpoint, region } = server;
  const at = { endpoint, region, service: "s3", keys: server, until: server } as const;
  const body = await sendSigned({ ...at, method, path, query: { format: "json", ...query } });
  return body === "" ? undefined : JSON.parse(body);
}

/** A request to the part of IAM that Ceph speaks; answers XML. */
export async function askCephIam(server: At, form: Record<string, string>): Promise<string> {
  const { endpoint, region } = server;
  const at = { endpoint, region, service: "s3", keys: server, until: server } as const;
  return sendSigned({ ...at, method: "POST", path: "/", form: { Version: "2010-05-08", ...form } });
}
