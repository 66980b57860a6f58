import { writeFile } from "node:fs/promises";
import { apiReport, reportFile } from "./api-report.ts";

const folder = "packages/sdk";
await writeFile(reportFile(folder), await apiReport(folder));
process.stdout.write(`Wrote ${folder}/api-report.txt\n`);
