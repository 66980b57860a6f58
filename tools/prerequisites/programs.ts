import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";

interface Program {
  /** Debian's packages that bring it, the one that holds it first. */
  packages: [string, ...string[]];
  /** Looked into before the PATH: Debian keeps some programs off it. */
  folders?: string[];
}

const postgresFolder = "/usr/lib/postgresql/15/bin";

/** The programs that tests and benches run and npm cannot bring. */
export const programs = {
  // Tenantry's own PostgreSQL comes by npm; Debian's 15 is the oldest one that DATABASE_URL may name.
  postgres: { packages: ["postgresql-15"], folders: [postgresFolder] },
  initdb: { packages: ["postgresql-15"], folders: [postgresFolder] },
  pg_ctl: { packages: ["postgresql-15"], folders: [postgresFolder] },
  psql: { packages: ["postgresql-client-15"], folders: [postgresFolder] },
  chromium: { packages: ["chromium", "fonts-liberation"] },
  // Tells Chromium whom to believe.
  certutil: { packages: ["libnss3-tools"] },
  pgbouncer: { packages: ["pgbouncer"], folders: ["/usr/sbin"] },
  "redis-server": { packages: ["redis-server"] },
  nginx: { packages: ["nginx"], folders: ["/usr/sbin"] },
  wrk: { packages: ["wrk"] },
  // A real S3 server for the tests of files: one monitor, one store in memory, one gateway.
  radosgw: { packages: ["radosgw"] },
  "radosgw-admin": { packages: ["ceph-common"] },
  "ceph-mon": { packages: ["ceph-mon"] },
  "ceph-osd": { packages: ["ceph-osd"] },
  ceph: { packages: ["ceph-common"] },
  "ceph-authtool": { packages: ["ceph-common"] },
  monmaptool: { packages: ["ceph-base"] },
  // A DNS server for the tests of tenants' own domains; its zones lie in a file of SQLite.
  pdns_server: { packages: ["pdns-server", "pdns-backend-sqlite3"], folders: ["/usr/sbin"] },
  unshare: { packages: ["util-linux"] },
  setpriv: { packages: ["util-linux"] },
  ps: { packages: ["procps"] },
  curl: { packages: ["curl"] },
  openssl: { packages: ["openssl"] },
} satisfies Record<string, Program>;

export type ProgramName = keyof typeof programs;

/** The absolute path of a program, or null. `searchPath` is a list as in PATH. */
export function findProgram(name: ProgramName, searchPath = process.env.PATH ?? ""): string | null {
  const { folders = [] }: Program = programs[name];
  const places = [...folders, ...searchPath.split(delimiter).filter(Boolean)];
  return places.map((folder) => join(folder, name)).find(isExecutable) ?? null;
}

/** The programs of the list that this machine lacks. */
export function missingPrograms(searchPath?: string): ProgramName[] {
  return (Object.keys(programs) as ProgramName[]).filter((name) => !findProgram(name, searchPath));
}

/** Debian's packages that bring these programs, each one once. */
export function packagesOf(names: ProgramName[]): string[] {
  return [...new Set(names.flatMap((name) => programs[name].packages))];
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false; // Absent or not ours to run: either way it is not the program we look for.
  }
}
