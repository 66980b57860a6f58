import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { promisify } from "node:util";
import { planLaunch } from "./launch.ts";
import type { Confinement } from "./launch-request.ts";

const probeTimeoutMs = 10_000;

/** Tries whether namespaces can be made here, by starting a program in some. Takes some 20 ms; changes nothing. */
export async function probeConfinement(): Promise<Confinement> {
  const namespaces: Confinement = { way: "namespaces" };
  const plan = await planLaunch(
    {
      command: "true",
      workingDirectory: "/",
      variables: {},
      uid: process.getuid?.() || 65_534,
      reaches: [],
      // Something to cover, whoever we are: that has to work, too.
      hides: [tmpdir()],
    },
    namespaces,
    { instanceId: "probe" },
  );
  try {
    const options = { env: plan.environment, cwd: "/", timeout: probeTimeoutMs };
    await promisify(execFile)(plan.file, plan.args, options);
    return namespaces;
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    return { way: "marks", reason: (stderr?.trim() || message).split("\n").at(-1)! };
  }
}

/** A sentence about it, for people. */
export function describeConfinement(confinement: Confinement): string {
  if (confinement.way === "namespaces") return "The kernel keeps each application's processes together.";
  return (
    "Applications' processes are found by the marks they carry, and not kept together by the kernel: " +
    `it makes no namespaces here (${confinement.reason}).`
  );
}
