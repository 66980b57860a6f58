export interface LockedPackage {
  version?: string;
  resolved?: string;
  link?: boolean;
  cpu?: string[];
  libc?: string[];
  os?: string[];
  dev?: boolean;
  optional?: boolean;
  optionalDependencies?: Record<string, string>;
}

export interface Lockfile {
  packages: Record<string, LockedPackage>;
}

/** A binary for one platform that a package names and the lock file leaves out. */
export interface MissingBinary {
  owner: string;
  name: string;
  version: string;
}

/**
 * The optional packages that are named but not locked. npm drops those of other platforms when it writes the
 * file beside an existing node_modules, and `npm ci` of npm 11 then refuses the whole file.
 */
export function missingBinaries({ packages }: Lockfile): MissingBinary[] {
  return Object.entries(packages).flatMap(([owner, { optionalDependencies = {} }]) =>
    Object.entries(optionalDependencies)
      .filter(([name]) => !isLocked(packages, owner, name))
      .map(([name, version]) => ({ owner, name, version })),
  );
}

/** Entries whose tarball the file fetches from one fixed host, instead of the registry that is configured. */
export function fixedHosts({ packages }: Lockfile): string[] {
  return Object.keys(packages).filter((path) => packages[path]?.resolved?.startsWith("http"));
}

/** The file with the missing binaries entered and without fixed hosts, sorted as npm sorts it. */
export function mend(lockfile: Lockfile): Lockfile {
  const entries = Object.entries(lockfile.packages).map(([path, entry]): [string, LockedPackage] => {
    const { resolved, ...rest } = entry;
    return [path, resolved?.startsWith("http") ? rest : entry];
  });
  for (const { owner, name, version } of missingBinaries(lockfile)) {
    const { dev } = lockfile.packages[owner] ?? {};
    entries.push([
      `node_modules/${name}`,
      { version, ...platformOf(name), ...(dev && { dev }), optional: true },
    ]);
  }
  entries.sort(([a], [b]) => a.localeCompare(b, "en"));
  return { ...lockfile, packages: Object.fromEntries(entries) };
}

/** Node looks in the owner's own node_modules, then in that of each folder above it. */
function isLocked(packages: Lockfile["packages"], owner: string, name: string): boolean {
  const places = owner.split("/").map((_part, index, parts) => parts.slice(0, index + 1).join("/"));
  return ["", ...places].some((place) => `${place ? `${place}/` : ""}node_modules/${name}` in packages);
}

const systems = [
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
];
const processors = ["arm64", "x64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "arm"];

/** What npm would read in the package itself: these packages carry their platform in their name. */
function platformOf(name: string): Pick<LockedPackage, "cpu" | "libc" | "os"> {
  const words = name.replace(/^@[^/]+\//, "");
  const os = systems.find((it) => words.includes(it));
  const cpu = processors.find((it) => words.includes(it));
  if (!os || !cpu) throw new Error(`${name} carries no platform in its name: install it by hand`);
  const libc = words.includes("musl") ? ["musl"] : words.includes("gnu") ? ["glibc"] : undefined;
  return { cpu: [cpu], ...(os === "linux" && libc && { libc }), os: [os] };
}
