/** What was found under one name: records, none, or nobody who answered. */
export type Looked =
  | { kind: "found"; values: string[] }
  | { kind: "none" }
  | { kind: "unavailable"; reason: string };

/** Asks DNS. Neither rejects: a server that is away or broken is an answer, and another one than "there is none". */
export type DnsLookup = {
  /** The TXT records of a name, each with its strings joined. */
  txt(name: string): Promise<Looked>;
  /** The names that a name is an alias of: the next one first, to the end of the chain. */
  aliases(name: string): Promise<Looked>;
};
