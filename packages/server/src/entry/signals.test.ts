import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, test } from "vitest";

/** A process that says when it stops and, when told how long that takes, that it has. */
async function startStopping(stopMs: number) {
  const script = `
    import { stopOnSignal } from ${JSON.stringify(new URL("./signals.ts", import.meta.url).href)};
    const say = (text) => process.stdout.write(text);
    const stop = () => { say("stopping "); return new Promise((resolve) => setTimeout(() => { say("stopped"); resolve(); }, ${stopMs})); };
    stopOnSignal({ stop }, { info() {}, error() {} });
    setInterval(() => undefined, 1000);
    say("ready ");`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let said = "";
  const saying = async (text: string) => {
    while (!said.includes(text)) said += String((await once(child.stdout, "data"))[0]);
  };
  const exited = once(child, "exit").then(([code]) => code as number);
  await saying("ready");
  return { child, saying, exited, said: () => said };
}

describe("a signal to stop", () => {
  test("that comes twice at once, from a group and from whoever passes it on, still stops in order", async () => {
    const { child, saying, exited, said } = await startStopping(300);
    child.kill("SIGTERM");
    await saying("stopping");
    child.kill("SIGTERM");
    child.kill("SIGINT");
    await saying("stopped");
    expect(await exited).toBe(0);
    expect(said()).toBe("ready stopping stopped");
  });

  test("comes from a terminal that is closed, too, of which nothing can be written any more", async () => {
    const { child, exited } = await startStopping(100);
    child.stdout.destroy();
    child.kill("SIGHUP");
    expect(await exited).toBe(0);
  });

  test("that comes again and again ends a stop that hangs", async () => {
    const { child, saying, exited } = await startStopping(60_000);
    child.kill("SIGTERM");
    await saying("stopping");
    const insisting = setInterval(() => child.kill("SIGTERM"), 100);
    expect(await exited).toBe(1);
    clearInterval(insisting);
  });
});
