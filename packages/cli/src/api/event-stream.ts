/** A server-sent event: its data, and where the stream goes on after it. */
export type StreamEvent<Data> = { id: string | undefined; data: Data };

/** Server-sent events with JSON as their data; comments and what is cut off at the end are passed over. */
export async function* readEvents<Data>(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<StreamEvent<Data>> {
  const decoder = new TextDecoder();
  let line = "";
  let id: string | undefined;
  let data: string[] = [];
  for await (const chunk of chunks) {
    const lines = (line + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    line = lines.pop()!;
    for (const complete of lines) {
      if (complete.startsWith("id:")) id = complete.slice(3).trim();
      if (complete.startsWith("data:")) data.push(complete.slice(5));
      if (complete !== "" || data.length === 0) continue;
      yield { id, data: JSON.parse(data.join("\n")) as Data };
      data = [];
    }
  }
}
