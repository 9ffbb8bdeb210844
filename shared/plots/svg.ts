// A Vega-Lite figure as the text of an SVG file: no browser, no canvas. The libraries are loaded when something is
// drawn: they take longer than the rest of the command.
import type { TopLevelSpec } from "vega-lite";

export async function svgOf(figure: TopLevelSpec): Promise<string> {
  const [{ compile }, { parse, View, Warn }] = await Promise.all([import("vega-lite"), import("vega")]);
  const view = new View(parse(compile(figure).spec), { renderer: "none", logLevel: Warn });
  try {
    return `${await view.toSVG()}\n`;
  } finally {
    view.finalize();
  }
}
