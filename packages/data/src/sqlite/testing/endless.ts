import { createSqliteHandles } from "../index.ts";

// An application that asks for something that never ends, and tells its parent which process does it.
const [file, text] = process.argv.slice(2);
const handles = createSqliteHandles({ maxProcesses: 1 });
const database = handles.open({ environmentId: "env", generation: 1, file: file! });
await database.query("select 1");
void database.query(text!);
process.send!({ pids: handles.stats().pids });
