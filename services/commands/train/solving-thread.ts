// A thread that works on a task of a solved system, which it finds by the system's name and the task's. fitting.ts
// opens it.
import { serveJobs } from "../../../shared/runtime/threads.ts";
import { systemOf } from "../../../shared/systems/registry.ts";
import type { Told } from "./fitting.ts";

serveJobs(({ model, task, shared }: Told) => systemOf(model).tasks[task]!(shared as never) as (job: never) => unknown);
