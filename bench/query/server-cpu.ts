import { readFile } from "node:fs/promises";
import pg from "pg";

/** Processor time that all processes of a PostgreSQL server on this machine have taken, in microseconds. */
export async function serverCpu(superuserUrl: string): Promise<() => Promise<number>> {
  const client = new pg.Client({ connectionString: superuserUrl });
  await client.connect();
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  const status = await readFile(`/proc/${rows[0]!.pid}/status`, "utf8").catch(() => undefined);
  await client.end();
  const postmaster = status?.match(/^PPid:\s*(\d+)/m)?.[1];
  if (!postmaster) throw new Error("The server's processes can't be seen from here.");
  return async () => {
    const children = await readFile(`/proc/${postmaster}/task/${postmaster}/children`, "utf8");
    const times = children
      .split(" ")
      .filter(Boolean)
      .map(async (pid) => {
        // The first number counts nanoseconds; a process that has just gone took little.
        const text = await readFile(`/proc/${pid}/schedstat`, "utf8").catch(() => "0");
        return Number(text.split(" ", 1)[0]) / 1_000;
      });
    return (await Promise.all(times)).reduce((sum, time) => sum + time, 0);
  };
}
