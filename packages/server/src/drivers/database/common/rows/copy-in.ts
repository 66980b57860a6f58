import type pg from "pg";
import { from as copyFrom } from "pg-copy-streams";

/** A COPY into a table that goes on piece by piece. */
export type CopyIn = {
  /** Resolves when the server's connection has room for more. */
  write(rows: Uint8Array): Promise<void>;
  /** How many rows the table took. */
  end(): Promise<number>;
};

/** Begins a COPY. What the server says against it is thrown by the next call, or the one after. */
export function openCopyIn(client: pg.ClientBase, statement: string): CopyIn {
  const stream = client.query(copyFrom(statement));
  let failed: Error | undefined;
  const { promise: broken, reject } = Promise.withResolvers<never>();
  // Whoever calls next hears of it.
  broken.catch(() => undefined);
  stream.on("error", (error) => {
    failed ??= error;
    reject(error);
  });
  return {
    async write(rows) {
      if (failed) throw failed;
      const { promise: written, resolve } = Promise.withResolvers<void>();
      stream.write(rows, () => resolve());
      await Promise.race([written, broken]);
    },
    async end() {
      if (failed) throw failed;
      const { promise: finished, resolve } = Promise.withResolvers<void>();
      stream.end(() => resolve());
      await Promise.race([finished, broken]);
      return stream.rowCount;
    },
  };
}
