import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
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
  const child = spawn(plan.file, plan.args, {
    env: plan.environment,
    cwd: "/",
    stdio: ["ignore", "ignore", "pipe", "pipe"],
    timeout: probeTimeoutMs,
    killSignal: "SIGKILL",
  });
  let said = "";
  child.stdio[2]!.on("data", (text) => (said += text));
  const problem = await new Promise<string | undefined>((resolve) => {
    child.once("error", ({ message }) => resolve(message));
    child.once("close", (code, signal) =>
      resolve(code === 0 ? undefined : said.trim() || `it ended with ${code ?? signal}`),
    );
    child.once("exit", () => child.stdio[3]?.destroy());
  });
  return problem === undefined ? namespaces : { way: "marks", reason: problem.split("\n").at(-1)! };
}

/** A sentence about it, for people. */
export function describeConfinement(confinement: Confinement): string {
  if (confinement.way === "namespaces") return "The kernel keeps each application's processes together.";
  return (
    "Applications' processes are found by the marks they carry, and not kept together by the kernel: " +
    `it makes no namespaces here (${confinement.reason}).`
  );
}
