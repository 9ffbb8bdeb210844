// The first file of a thread of ours: finds the module that the thread runs, given as the URL of its source.
import { workerData } from "node:worker_threads";
import { built } from "../../infra/program.mjs";
import "../../infra/stack-traces.mjs";

await import(await built(workerData.module));
