// What the dashboard says of itself at GET /status. Owned by services/dashboard, which answers it; tests read it.
import { z } from "zod";
import { type Said, service, text } from "./units.ts";

export const dashboardStatus = z.object({ service: service("dashboard"), url: text("of the page") });
export type DashboardStatus = Said<typeof dashboardStatus>;
