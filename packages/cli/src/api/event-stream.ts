/** The data of server-sent events, each parsed as JSON; comments and what is cut off at the end are passed over. */
export async function* readEvents<Data>(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Data> {
  const decoder = new TextDecoder();
  let line = "";
  let data: string[] = [];
  for await (const chunk of chunks) {
    const lines = (line + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    line = lines.pop()!;
    for (const complete of lines) {
      if (complete.startsWith("data:")) data.push(complete.slice(5));
      if (complete !== "" || data.length === 0) continue;
      yield JSON.parse(data.join("\n")) as Data;
      data = [];
    }
  }
}
