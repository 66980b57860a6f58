export type LaunchRequest = {
  /** Run by `sh -c`; `exec` is put before it. */
  command: string;
  workingDirectory: string;
  /** The only variables the process gets, beside PATH, HOME, LANG and TENANTRY_INSTANCE. */
  variables: Readonly<Record<string, string>>;
  /** As whom it runs when we are root; when we aren't, it runs as we do. */
  uid: number;
  /** Directories it must be able to reach, beside its working directory. */
  reaches: readonly string[];
  /** What it must not see when it runs as we do: directories and files. */
  hides: readonly string[];
};

/** By what all processes of one life of an application are known. */
export type LaunchMarks = {
  /** The value of their variable TENANTRY_INSTANCE: another one at each start. */
  instanceId: string;
  /** A group of the system that they alone are in and can't leave; only root can put them there. */
  groupId?: number | undefined;
};

/**
 * What keeps an application's processes together, so that all of them can be ended. `namespaces`: the kernel does; they
 * see no other process, and as an ordinary user not our data directory either. `marks`: they carry marks, by which we
 * find them. `reason` says why the kernel doesn't let us make namespaces.
 */
export type Confinement = { way: "namespaces" } | { way: "marks"; reason: string };
