// Where a trainer's time goes, by activity: filled by connection.ts as it goes, sent along with each contribution.
import { type Activity, activities, type Times } from "../../shared/training/messages.ts";

export interface Timesheet {
  /** What passed since the last booking was this. */
  book(activity: Activity): void;
  /** Seconds since the sheet was handed in last. */
  handIn(): Times;
}

/** `now` in milliseconds. */
export function timesheet(now: () => number): Timesheet {
  const blank = () => Object.fromEntries(activities.map((name) => [name, 0])) as Times;
  let times = blank();
  let last = now();
  return {
    book: (activity) => {
      const at = now();
      times[activity] += (at - last) / 1000;
      last = at;
    },
    handIn: () => {
      const full = times;
      times = blank();
      return full;
    },
  };
}
