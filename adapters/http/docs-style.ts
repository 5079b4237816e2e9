/** How the page for people looks: system fonts, light and dark, readable on a telephone. */
export const STYLE = `
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --accent: light-dark(#0b57b0, #8ab8ff); }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
body { margin: 0; display: grid; grid-template-columns: 18rem minmax(0, 1fr); font: 16px/1.5 system-ui, sans-serif; }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1.5rem; border-right: 1px solid var(--line); font-size: .875rem; }
nav h2 { margin: 1.25rem 0 .25rem; font-size: .75rem; text-transform: uppercase; letter-spacing: .05em; }
nav a { display: block; padding: .1rem 0; overflow-wrap: anywhere; text-decoration: none; }
main { padding: 1.5rem 2.5rem 6rem; max-width: 60rem; }
a { color: var(--accent); }
h3 code { font-weight: normal; margin-left: .5rem; }
h4 { margin-bottom: .25rem; }
article { padding: .25rem 0 1.25rem; border-bottom: 1px solid var(--line); }
code, pre { font: .875em ui-monospace, monospace; }
pre { padding: .75rem 1rem; overflow: auto; background: var(--soft); border-radius: .375rem; }
table { width: 100%; border-collapse: collapse; font-size: .9375rem; }
th, td { padding: .375rem .75rem .375rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: 4rem 1fr; margin: 0; }
dd { margin: 0; }
@media (max-width: 50rem) { body { display: block; } nav { position: static; height: auto; border: 0; } main { padding: 1rem; } }
`;
