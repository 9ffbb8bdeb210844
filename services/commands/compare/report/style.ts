// How report.html looks: one column of text, tables that scroll by themselves on a phone, colours for light and dark.
// Figures take their colours from here.

const light = `
  --paper: #ffffff; --text: #1b1f24; --quiet: #5a6470; --line: #e3e7eb; --faint: #b4bcc5; --shade: #f6f8fa;
    --link: #0b62a8;
  --s1: #0072b2; --s2: #d55e00; --s3: #007a5a; --s4: #b3558c; --s5: #3f8fbf; --s6: #a87400; --s7: #1b1f24;
    --s8: #7a5195;`;
const dark = `
  --paper: #14181d; --text: #e4e8ec; --quiet: #9aa5b1; --line: #2b323a; --faint: #57626e; --shade: #1b2027;
    --link: #6cb6ff;
  --s1: #56b4e9; --s2: #ff8c4a; --s3: #3fcf9f; --s4: #e59bc6; --s5: #8fc7ff; --s6: #f0b93a; --s7: #e4e8ec;
    --s8: #c39bd9;`;

export const style = `
:root { color-scheme: light dark; ${light} }
@media (prefers-color-scheme: dark) { :root { ${dark} } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--paper); color: var(--text);
  font: 16px/1.55 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; }
.page { max-width: 1280px; margin: 0 auto; padding: 24px 20px 64px; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 8px 0 12px; text-wrap: balance; }
h2 { font-size: 1.25rem; margin: 44px 0 12px; scroll-margin-top: 16px; }
p, li { max-width: 74ch; }
header p { color: var(--quiet); margin: 4px 0; }
header p + p { color: var(--text); font-size: 1.05rem; }
main p { margin: 10px 0; }
ul { margin: 8px 0; padding-left: 1.2em; }
a { color: var(--link); }
nav ul { list-style: none; margin: 0; padding: 0; }
nav a { display: inline-block; padding: 4px 0; text-decoration: none; }
nav a:hover, nav a:focus-visible { text-decoration: underline; }
.table { overflow-x: auto; margin: 14px 0; border: 1px solid var(--line); border-radius: 8px; }
.table:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-variant-numeric: tabular-nums; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { padding: 7px 8px; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
tr:last-child td, tr:last-child th { border-bottom: 0; }
thead th { background: var(--shade); color: var(--quiet); font-weight: 600; vertical-align: bottom;
  white-space: normal; }
th.word, td.word { text-align: left; }
td.long { white-space: normal; min-width: 16ch; }
tbody th { font-weight: 600; background: var(--paper); }
thead th:first-child, tbody th { position: sticky; left: 0; }
thead th:first-child { background: var(--shade); }
strong { color: var(--link); }
figure { margin: 18px 0 26px; }
figure svg { display: block; max-width: 100%; height: auto; }
figcaption { color: var(--quiet); font-size: .9rem; max-width: 74ch; margin-top: 6px; }
.narrow { display: none; }
footer { color: var(--quiet); font-size: .9rem; margin-top: 40px; }
@media (min-width: 1060px) {
  .page { display: grid; grid-template-columns: 180px minmax(0, 1fr); column-gap: 40px; }
  header, footer { grid-column: 2; }
  nav { grid-column: 1; grid-row: 1 / span 3; position: sticky; top: 24px; align-self: start; padding-top: 16px; }
}
@media (max-width: 1059px) { nav { border-block: 1px solid var(--line); margin: 16px 0 0; padding: 8px 0; } nav ul {
  display: flex; flex-wrap: wrap; column-gap: 18px; } }
@media (max-width: 759px) { .wide { display: none; } .narrow { display: block; } }
@media (max-width: 480px) { .page { padding: 12px 14px 48px; } th, td { padding: 6px 9px; } h1 { font-size: 1.45rem; } }
@media print { :root { ${light} } nav { display: none; } .page { display: block; } .table { overflow: visible; } }
`;
