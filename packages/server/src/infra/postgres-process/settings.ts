import path from "node:path";

/** The address the server listens on; never more than this machine's own. */
export const host = "127.0.0.1";

export type SettingsOptions = {
  maxConnections: number;
  socketDirectory: string | undefined;
  /** Settings that go before ours. */
  /** How much of temporary files one session may fill. */
  temporaryBytes: number;
  settings?: Record<string, string>;
  throwAway?: boolean;
};

/** Nothing that is lost when the machine stops is missed. */
const throwAwaySettings = {
  fsync: "off",
  full_page_writes: "off",
  synchronous_commit: "off",
  wal_level: "minimal",
  max_wal_senders: "0",
};

/** All settings but the port, as they go on the server's command line. */
export function serverSettings(options: SettingsOptions): Record<string, string> {
  return {
    listen_addresses: host,
    unix_socket_directories: options.socketDirectory ? quoted(options.socketDirectory) : "",
    unix_socket_permissions: "0700",
    max_connections: String(options.maxConnections),
    // Ours. Applications hold shares of the others, but nothing makes one that ignores its share give any back.
    superuser_reserved_connections: String(Math.floor(options.maxConnections / 5)),
    shared_buffers: "128MB",
    // The default promises the planner 4 GB of the system's cache, more than a laptop spares for us.
    effective_cache_size: "1GB",
    // One call for the file system instead of one fsync a file: 1.6 s instead of 29 s with 1,100 databases.
    recovery_init_sync_method: "syncfs",
    // Files below the data directory: a container's /dev/shm has 64 MB, and systemd empties it for users who log out.
    dynamic_shared_memory_type: "mmap",
    wal_level: "replica",
    // Who writes a statement that sorts without end fails alone, instead of filling everybody's disk.
    temp_file_limit: `${Math.min(Math.floor(options.temporaryBytes / 1024), 2 ** 31 - 1)}kB`,
    // Compiling a query pays off after a second of work; tenants' queries take a millisecond.
    jit: "off",
    timezone: "UTC",
    log_timezone: "UTC",
    log_line_prefix: "%m [%p] %q%u@%d ",
    // A refused statement may hold a password or a tenant's data; its error message is enough.
    log_min_error_statement: "panic",
    ...(options.throwAway && throwAwaySettings),
    ...options.settings,
  };
}

/**
 * Where the server's socket goes: a local client saves a quarter of the way over it. Undefined below a directory so
 * deep that the socket's name wouldn't fit the kernel's 107 bytes; then there is TCP alone.
 */
export function socketDirectoryIn(home: string): string | undefined {
  const directory = path.join(home, "run");
  return Buffer.byteLength(`${directory}/.s.PGSQL.65535`) <= 107 ? directory : undefined;
}

/** The setting is a list: a name with a comma or a space in it needs quotes. */
function quoted(directory: string): string {
  return `"${directory.replaceAll('"', '""')}"`;
}
