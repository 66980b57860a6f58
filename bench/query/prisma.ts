import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const schema = `
generator client {
  provider            = "prisma-client"
  output              = "../generated"
  importFileExtension = "ts"
  moduleFormat        = "esm"
  runtime             = "nodejs"
}
datasource db {
  provider = "postgresql"
  schemas  = ["peer"]
}
model secured {
  tenant String @db.Uuid
  id     Int
  title  String?
  @@id([tenant, id])
  @@schema("peer")
}
`;

const config = `export default { schema: "prisma/schema.prisma", datasource: { url: "postgresql://nobody@localhost/none" } };\n`;

type Client = {
  $extends(extension: object): Client;
  $executeRaw(strings: TemplateStringsArray, ...values: unknown[]): unknown;
  $transaction(work: unknown[]): Promise<unknown[]>;
  $disconnect(): Promise<void>;
  secured: { findFirst(question: object): Promise<unknown> };
};

/**
 * Prisma 7 from npm, installed beside the temporary files and kept there: its client needs no engine, and the tool that
 * generates it doesn't touch the one that it would download.
 */
async function install(): Promise<string> {
  const home = path.join(tmpdir(), "tenantry-bench-prisma");
  if (existsSync(path.join(home, "generated/client.ts"))) return home;
  await mkdir(path.join(home, "prisma"), { recursive: true });
  await writeFile(path.join(home, "package.json"), '{ "private": true, "type": "module" }\n');
  await writeFile(path.join(home, "prisma.config.ts"), config);
  await writeFile(path.join(home, "prisma/schema.prisma"), schema);
  const packages = ["prisma@7", "@prisma/client@7", "@prisma/adapter-pg@7", "typescript@5"];
  await run("npm", ["install", "--ignore-scripts", ...packages], { cwd: home });
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: "/bin/true" };
  await run("npx", ["prisma", "generate"], { cwd: home, env });
  return home;
}

/** Row-level security as Prisma's documentation has it: an extension that sets the tenant in each operation's transaction. */
export async function openPrisma(url: string, tenants: readonly string[]) {
  const home = await install();
  const { PrismaClient } = await import(path.join(home, "generated/client.ts"));
  const { PrismaPg } = await import(path.join(home, "node_modules/@prisma/adapter-pg/dist/index.mjs"));
  const prisma: Client = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 1 }) });
  const clients = tenants.map((tenant) =>
    prisma.$extends({
      query: {
        $allModels: {
          async $allOperations({ args, query }: { args: object; query: (args: object) => unknown }) {
            const set = prisma.$executeRaw`select set_config('app.tenant', ${tenant}, true)`;
            const [, result] = await prisma.$transaction([set, query(args)]);
            return result;
          },
        },
      },
    }),
  );
  return {
    ask: (turn: number) =>
      clients[turn % clients.length]!.secured.findFirst({ where: { id: 5 }, select: { title: true } }),
    close: () => prisma.$disconnect(),
  };
}
