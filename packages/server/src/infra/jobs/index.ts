export { createSchedule, type Schedule } from "./schedule.ts";
