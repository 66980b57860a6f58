import { type BoundConnection, type Connection, openConnection } from "./connection.ts";
import type { EngineFile, EngineSettings } from "./protocol.ts";

export const writerSlot = "writer";

/** The connections of one process, by file and slot. */
export class OpenFiles {
  readonly #settings: EngineSettings;
  readonly #files = new Map<string, Map<string, BoundConnection>>();

  constructor(settings: EngineSettings) {
    this.#settings = settings;
  }

  connection(file: EngineFile, slot: string): Connection {
    const slots = this.#files.get(file.key) ?? new Map<string, BoundConnection>();
    const known = slots.get(slot);
    if (known) return bounded(known, file, slot);
    const made = openConnection(file, this.#settings, slot !== writerSlot);
    slots.set(slot, made);
    this.#files.set(file.key, slots);
    return bounded(made, file, slot);
  }

  closeSlot(key: string, slot: string): void {
    const slots = this.#files.get(key);
    slots?.get(slot)?.close();
    slots?.delete(slot);
  }

  close(key: string): void {
    for (const connection of this.#files.get(key)?.values() ?? []) connection.close();
    this.#files.delete(key);
  }

  closeAll(): void {
    for (const key of [...this.#files.keys()]) this.close(key);
  }
}

function bounded(connection: BoundConnection, { maxBytes }: EngineFile, slot: string): Connection {
  if (slot === writerSlot) connection.bind(maxBytes);
  return connection;
}
