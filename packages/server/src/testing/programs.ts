export { requireProgram } from "../../../../test/support/programs.ts";
