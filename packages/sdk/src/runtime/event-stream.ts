/**
 * Reads server-sent events and yields their names. Throws when nothing at all arrives for `silenceMs`, so that a
 * connection whose other end vanished is noticed.
 */
export async function* readEvents(
  body: ReadableStream<Uint8Array>,
  silenceMs: number,
): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let buffer = "";
  try {
    for (;;) {
      const { done, value } = await withinSilence(reader.read(), silenceMs);
      if (done) return;
      buffer += decoder.decode(value, { stream: true });
      const blocks = buffer.split(/\r?\n\r?\n/);
      buffer = blocks.pop()!;
      for (const block of blocks) {
        const name = eventName(block);
        if (name !== undefined) yield name;
      }
    }
  } finally {
    // The connection may be broken already; closing is all that matters.
    await reader.cancel().catch(() => undefined);
  }
}

/** The block's event name; undefined when it is only a comment, as signs of life are. */
function eventName(block: string): string | undefined {
  let name: string | undefined;
  let hasData = false;
  for (const line of block.split(/\r?\n/)) {
    if (line.startsWith("event:")) name = line.slice(6).trim();
    if (line.startsWith("data:")) hasData = true;
  }
  return hasData ? (name ?? "message") : undefined;
}

async function withinSilence<Value>(read: Promise<Value>, silenceMs: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Nothing arrived for ${silenceMs} ms.`)), silenceMs);
  });
  try {
    return await Promise.race([read, silence]);
  } finally {
    clearTimeout(timer);
  }
}
