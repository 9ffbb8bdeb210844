// A thread that solves rows or columns of a system; tasks.ts says what they are, solvers.ts what is made of them.
import { serveJobs } from "../../../shared/runtime/threads.ts";
import { alternate, columns, count, type Task } from "./tasks.ts";

serveJobs((task: Task): ((job: never) => unknown) => {
  switch (task.type) {
    case "counting":
      return count(task);
    case "columns":
      return columns(task);
    case "alternating":
      return alternate(task);
  }
});
