import type { ErrorCode } from "@tenantry/contract";

/**
 * An error of the data path. `code` is one of the catalogue in `@tenantry/contract`, so that whoever answers a request
 * knows the status and the remedy. Compare `name` or `code` where two copies of this package may be loaded.
 */
export class DataError extends Error {
  readonly code: ErrorCode;

  constructor(name: string, code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = name;
    this.code = code;
  }
}

/** There is no object under this key. */
export class ObjectNotFound extends DataError {
  constructor(key: string, options?: { cause?: unknown }) {
    super("ObjectNotFound", "not_found", `There is no object ${JSON.stringify(key)}.`, options);
  }
}

/** This key could leave the tenant's space, or be taken for another key. */
export class UnsafeKey extends DataError {
  constructor(key: string, reason: string) {
    super("UnsafeKey", "unsafe_path", `The key ${JSON.stringify(key.slice(0, 120))} ${reason}.`);
  }
}

/** A file system can't hold both `a` and `a/b`: one of the two stands already. */
export class KeyConflict extends DataError {
  constructor(key: string, options?: { cause?: unknown }) {
    super(
      "KeyConflict",
      "name_taken",
      `The key ${JSON.stringify(key)} can't be used: a part of it is an object already, or it is the beginning of other keys.`,
      options,
    );
  }
}

/** More bytes came than the caller allows; nothing was kept. */
export class ObjectTooLarge extends DataError {
  readonly maxBytes: number;

  constructor(key: string, maxBytes: number) {
    super(
      "ObjectTooLarge",
      "payload_too_large",
      `The object ${JSON.stringify(key)} is larger than ${maxBytes} bytes.`,
    );
    this.maxBytes = maxBytes;
  }
}

/** The object is another than the one that the caller knows. */
export class ObjectChanged extends DataError {
  constructor(key: string, options?: { cause?: unknown }) {
    super(
      "ObjectChanged",
      "precondition_failed",
      `The object ${JSON.stringify(key)} was replaced meanwhile.`,
      options,
    );
  }
}

/** The place where the environment's files lie can't be reached. The cause says why. Try again later. */
export class StorageUnavailable extends DataError {
  readonly retryAfterSeconds = 5;

  constructor(options: { cause: unknown }) {
    super(
      "StorageUnavailable",
      "storage_unavailable",
      "The environment's storage can't be reached.",
      options,
    );
  }
}

/** There is no room left where the environment's files lie. Nothing was kept. */
export class StorageFull extends DataError {
  constructor(options: { cause: unknown }) {
    super("StorageFull", "disk_full", "There is no room left where the environment's files lie.", options);
  }
}

/** The range asked for begins behind the object's end. */
export class RangeNotSatisfiable extends DataError {
  readonly size: number;

  constructor(key: string, size: number) {
    super("RangeNotSatisfiable", "invalid_request", `The object ${JSON.stringify(key)} has ${size} bytes.`);
    this.size = size;
  }
}

/** An argument can't be worked with; the message says what would do. */
export class InvalidArgument extends DataError {
  constructor(message: string) {
    super("InvalidArgument", "invalid_request", message);
  }
}

/** A cached value is larger than the cache takes. */
export class ValueTooLarge extends DataError {
  constructor(key: string, bytes: number, maxBytes: number) {
    super(
      "ValueTooLarge",
      "payload_too_large",
      `The value of ${JSON.stringify(key)} has ${bytes} bytes; the cache takes ${maxBytes} at most.`,
    );
  }
}

/** The cache doesn't answer, or has too much to do, and what was asked can't be answered without it. */
export class CacheUnavailable extends DataError {
  readonly retryAfterSeconds = 1;

  constructor(message: string, options?: { cause?: unknown }) {
    super("CacheUnavailable", "unavailable", message, options);
  }
}

/** No database connection came free in time, or too many already wait for one. Try again after `retryAfterSeconds`. */
export class PoolExhausted extends DataError {
  readonly retryAfterSeconds: number;

  constructor(message: string, retryAfterSeconds = 1) {
    super("PoolExhausted", "busy", message);
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** The database can't be reached, or went away while at work: whether the last statement took effect is unknown. */
export class DatabaseUnavailable extends DataError {
  readonly retryAfterSeconds = 1;

  constructor(message: string, options?: { cause?: unknown }) {
    super("DatabaseUnavailable", "unavailable", message, options);
  }
}

/** A statement of the transaction had failed, and though its error was caught, all of it was rolled back. */
export class TransactionAborted extends DataError {
  constructor() {
    super(
      "TransactionAborted",
      "internal",
      "The transaction was rolled back, because a statement in it had failed. Let the error pass, or use a savepoint.",
    );
  }
}

/** The environment lives elsewhere by now: take its placement anew. Nothing was done. */
export class PlacementRetired extends DataError {
  constructor(environmentId: string, generation: number) {
    super(
      "PlacementRetired",
      "environment_unavailable",
      `Generation ${generation} of the database of ${environmentId} was retired.`,
    );
  }
}
