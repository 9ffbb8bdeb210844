// The first file of a thread of ours: loads TypeScript as it is (tsx), then the module that the thread runs.
import { workerData } from "node:worker_threads";
import { register } from "tsx/esm/api";

register();
await import(workerData.module);
