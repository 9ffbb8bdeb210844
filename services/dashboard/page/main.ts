// The page: follows the dashboard's stream, and says so when it cannot.
import { emptyHistory, extend, type History, isEmpty } from "../history.ts";
import type { Update } from "../stream.ts";
import { showArrivals } from "./arrivals.ts";
import { connect } from "./connection.ts";
import { clock, find, write } from "./elements.ts";
import { showFigures } from "./figures.ts";
import { followModels } from "./models.ts";
import { showTables } from "./tables.ts";
import { makeTimeline } from "./timeline.ts";
import { showTrainers } from "./trainers.ts";
import { showLost, showVerdict } from "./verdict.ts";

const timeline = makeTimeline();
let history: History = emptyHistory();
let last: Update["health"] = null;

function show({ dataDir, health, news }: Update): void {
  extend(history, news);
  write(find("where"), dataDir);
  if (!health) return; // the dashboard itself has only just started
  last = health;
  say("live", `live, ${clock(health.at)}`);
  showVerdict(health);
  showFigures(health);
  showArrivals(health);
  showTrainers(health.training, health.at);
  showTables(health);
  followModels();
  if (!isEmpty(news)) timeline.draw(history, health.at);
}

function say(state: "live" | "lost", text: string): void {
  find("connection").dataset.state = state;
  find("main").dataset.connection = state;
  write(find("connection-text"), text);
}

connect("events", {
  history: (update) => {
    history = emptyHistory();
    show(update);
  },
  update: show,
  lost: () => {
    say("lost", "connection lost");
    showLost(last);
  },
});
