/** GitHub's own colours, light and dark, so that what is hard to read there is hard to read here (primer/primitives). */
export const STYLE = `
:root { color-scheme: light dark; --page: #f6f8fa; --card: #fff; --text: #1f2328; --muted: #59636e; --line: #d1d9e0; --soft: #f6f8fa; --link: #0969da; --green: #1a7f37; --red: #d1242f; --amber: #9a6700; --grey: #818b98; --code: #818b981f; --logback: #fff; --cyan: #0b7285; }
@media (prefers-color-scheme: dark) { :root { --page: #010409; --card: #0d1117; --text: #f0f6fc; --muted: #9198a1; --line: #3d444d; --soft: #151b23; --link: #4493f8; --green: #3fb950; --red: #f85149; --amber: #d29922; --grey: #7d8590; --code: #656c7633; --logback: #0d1117; --cyan: #56d4dd; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 14px/1.5 -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif; }
a { color: var(--link); text-decoration: none; } a:hover { text-decoration: underline; }
header { background: var(--card); border-bottom: 1px solid var(--line); padding: 20px 32px 16px; }
header h1 { font-size: 22px; font-weight: 500; margin: 0; display: flex; gap: 10px; align-items: center; overflow-wrap: anywhere; }
header h1 .sign { width: 24px; height: 24px; flex: none; }
.facts { display: flex; flex-wrap: wrap; gap: 6px 40px; margin: 14px 0 0; } .facts div { min-width: 90px; } .facts dt { color: var(--muted); font-size: 12px; } .facts dd { margin: 0; font-weight: 500; overflow-wrap: anywhere; }
.runs { display: flex; flex-wrap: wrap; gap: 4px 24px; padding: 12px 32px; background: var(--card); border-bottom: 1px solid var(--line); } .runs a { display: flex; gap: 8px; align-items: center; }
main + header { border-top: 1px solid var(--line); }
main { display: grid; grid-template-columns: 256px minmax(0, 1fr); gap: 24px; max-width: 1440px; margin: 0 auto; padding: 20px 32px 60px; }
main > nav { position: sticky; top: 16px; align-self: start; max-height: calc(100vh - 32px); overflow: auto; }
main > nav h2 { font-size: 12px; color: var(--muted); margin: 12px 8px 4px; font-weight: 600; }
main > nav a { display: flex; gap: 8px; align-items: center; padding: 5px 8px; border-radius: 6px; color: var(--text); overflow-wrap: anywhere; line-height: 1.3; } main > nav a:hover { background: var(--code); text-decoration: none; }
main > nav .took { margin-left: auto; color: var(--muted); font-size: 12px; white-space: nowrap; }
section.box { background: var(--card); border: 1px solid var(--line); border-radius: 6px; margin: 0 0 16px; overflow: hidden; }
main > section.box { grid-column: 1 / -1; margin: 0; }
section.box > h2 { font-size: 14px; margin: 0; padding: 12px 16px; border-bottom: 1px solid var(--line); display: flex; gap: 8px; align-items: center; overflow-wrap: anywhere; }
section.box > h2 .took { margin-left: auto; color: var(--muted); font-weight: 400; white-space: nowrap; }
.scroll { overflow-x: auto; padding: 12px; }
svg.sign { flex: none; } .sign circle { fill: none; stroke-width: 1.5; } .sign path { fill: none; stroke-width: 1.8; stroke-linecap: round; stroke-linejoin: round; }
.sign.success circle { fill: var(--green); stroke: var(--green); } .sign.failure circle { fill: var(--red); stroke: var(--red); } .sign.success path, .sign.failure path { stroke: var(--card); }
.sign.cancelled circle, .sign.cancelled path, .sign.skipped circle, .sign.skipped path { stroke: var(--grey); }
.graph { display: block; max-width: 100%; height: auto; } .graph text { fill: var(--text); font-size: 13px; } .graph .title { fill: var(--muted); font-size: 12px; font-weight: 600; } .graph .took { fill: var(--muted); font-size: 11px; text-anchor: end; }
.graph .card { fill: var(--card); stroke: var(--line); } .graph .row { fill: transparent; } .graph a:hover .row { fill: var(--code); } .graph .edge { fill: none; stroke: var(--grey); stroke-width: 1.5; } .graph .edge.skipped { stroke-dasharray: 4 4; } .graph .port { fill: var(--card); stroke: var(--grey); stroke-width: 1.5; }
.annotations { list-style: none; margin: 0; padding: 0; } .annotations li { padding: 10px 16px 10px 13px; border-left: 3px solid var(--grey); } .annotations li + li { border-top: 1px solid var(--line); } .annotations .error { border-left-color: var(--red); } .annotations .warning { border-left-color: var(--amber); } .annotations .notice { border-left-color: var(--link); }
.annotations b { display: block; } .annotations pre { margin: 2px 0 0; font: 12px/1.5 ui-monospace, SFMono-Regular, Menlo, 'Liberation Mono', monospace; white-space: pre-wrap; overflow-wrap: anywhere; color: var(--muted); }
.step > summary { display: flex; gap: 8px; align-items: center; padding: 7px 16px; cursor: pointer; list-style: none; overflow-wrap: anywhere; } .step > summary::-webkit-details-marker { display: none; } .step > summary::before { content: '›'; color: var(--muted); width: 10px; transition: none; } .step[open] > summary::before { content: '⌄'; }
.step > summary:hover { background: var(--code); } .step > summary .took { margin-left: auto; color: var(--muted); font-size: 12px; white-space: nowrap; } .step.skipped > summary { color: var(--muted); }
.step + .step { border-top: 1px solid color-mix(in srgb, var(--line) 50%, transparent); }
.log { background: var(--logback); border-top: 1px solid var(--line); font: 12px/20px ui-monospace, SFMono-Regular, Menlo, 'Liberation Mono', monospace; padding: 8px 0; overflow-x: auto; }
.line, .group > summary { display: block; padding: 0 16px 0 60px; position: relative; white-space: pre-wrap; overflow-wrap: anywhere; min-height: 20px; } .group > .line { padding-left: 76px; } .group > summary { cursor: pointer; list-style: none; } .group > summary::-webkit-details-marker { display: none; } .group > summary::before { content: '▸ '; color: var(--muted); } .group[open] > summary::before { content: '▾ '; }
.number { position: absolute; left: 0; width: 44px; text-align: right; color: var(--muted); opacity: .7; user-select: none; }
.line.error { color: var(--red); background: color-mix(in srgb, var(--red) 10%, transparent); } .line.warning { color: var(--amber); background: color-mix(in srgb, var(--amber) 10%, transparent); } .line.notice { color: var(--link); }
.c31, .c91 { color: var(--red); } .c32, .c92 { color: var(--green); } .c33, .c93 { color: var(--amber); } .c34, .c94 { color: var(--link); } .c36, .c96 { color: var(--cyan); } .c35, .c95 { color: #8250df; } .c30, .c90, .c37, .c97 { color: var(--muted); }
.markdown { padding: 16px 24px; font-size: 16px; overflow-wrap: break-word; } .markdown > :first-child { margin-top: 0; } .markdown h1, .markdown h2 { border-bottom: 1px solid var(--line); padding-bottom: .3em; } .markdown h1 { font-size: 1.8em; } .markdown h2 { font-size: 1.4em; } .markdown h3 { font-size: 1.2em; }
.markdown table { border-collapse: collapse; display: block; width: max-content; max-width: 100%; overflow: auto; margin: 0 0 16px; } .markdown th, .markdown td { border: 1px solid var(--line); padding: 6px 13px; } .markdown tr:nth-child(2n) td { background: var(--soft); }
.markdown code { font: 85% ui-monospace, SFMono-Regular, Menlo, 'Liberation Mono', monospace; background: var(--code); padding: .2em .4em; border-radius: 6px; white-space: break-spaces; } .markdown pre { background: var(--soft); padding: 16px; border-radius: 6px; overflow: auto; line-height: 1.45; } .markdown pre code { background: none; padding: 0; white-space: pre; } .markdown blockquote { margin: 0 0 16px; padding: 0 1em; color: var(--muted); border-left: .25em solid var(--line); } .markdown img { max-width: 100%; }
.said { margin: 0; padding: 12px 16px; color: var(--muted); } .notes { margin: 0; padding: 12px 16px 12px 34px; color: var(--muted); } .problem { white-space: pre-wrap; color: var(--red); margin: 0; padding: 12px 16px; font: 12px/1.5 ui-monospace, monospace; }
.outputs { border-top: 1px solid var(--line); font-size: 12px; color: var(--muted); } .outputs > summary { padding: 8px 16px; cursor: pointer; overflow-wrap: anywhere; } .outputs dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 4px 16px; margin: 0; padding: 2px 16px 12px; } .outputs dd { margin: 0; overflow-wrap: anywhere; } .outputs code { font-family: ui-monospace, SFMono-Regular, Menlo, 'Liberation Mono', monospace; color: var(--text); white-space: pre-wrap; }
@media (max-width: 900px) { main { grid-template-columns: minmax(0, 1fr); padding: 16px; } main > nav { position: static; } header { padding: 16px; } .runs { padding: 12px 16px; } }
`
