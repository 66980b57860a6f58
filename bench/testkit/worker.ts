import { kitWay, type Place, templateWay, truncateWay, type Way } from "./ways.ts";

/** A worker of a test runner: says that it is ready, is told to begin, and tells how long each of its tests took. */
const [way = "", count = "0", place = "", template = ""] = process.argv.slice(2);

async function open(): Promise<Way> {
  if (way === "template") return templateWay(place, template);
  if (way === "truncate") return truncateWay(place, template);
  return kitWay(way as "shared", place);
}

/** What a test of an application does with its database, more or less. */
async function play({ query }: Place): Promise<void> {
  await query("insert into customers (name) values ('Globex')");
  await query("insert into invoices (customer_id, number, due) values (1, 'R-1', '2030-01-01')");
  await query("insert into lines (invoice_id, sku, quantity) values (1, 'a', 2), (1, 'c', 1)");
  const { rows } = await query("select id, number, cents from totals");
  const seen = JSON.stringify(rows);
  if (seen !== '[{"id":"1","number":"R-1","cents":"1130"}]') throw new Error(`Not isolated: ${seen}`);
}

const opened = await open();
process.send!("ready");
await new Promise((resolve) => process.once("message", resolve));
const waited: number[] = [];
for (let done = 0; done < Number(count); done += 1) {
  const startedAt = performance.now();
  const own = await opened.place();
  waited.push(performance.now() - startedAt);
  await play(own);
  await own.giveBack();
}
process.send!(waited);
await opened.close();
process.disconnect();
