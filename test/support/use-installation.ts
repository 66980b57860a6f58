import { afterAll, beforeAll, beforeEach } from "vitest";
import { Installation, type InstallationOptions } from "./installation.ts";

/** An installation for all tests of a file: started before the first, and anew wherever one left it not running. */
export function useInstallation(options: InstallationOptions = {}): Installation {
  const installation = new Installation(options);
  beforeAll(() => installation.start());
  beforeEach(() => installation.revive());
  afterAll(() => installation[Symbol.asyncDispose]());
  return installation;
}
