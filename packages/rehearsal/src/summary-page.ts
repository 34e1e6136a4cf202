import { Marked } from 'marked'

/** What one step wrote into its job summary. */
export interface StepSummary {
  readonly title: string
  /** as written to GITHUB_STEP_SUMMARY */
  readonly markdown: string
}

/** Close to GitHub's own look, so that a table that is too wide there is too wide here. */
const STYLE = `
body { font: 16px/1.5 -apple-system, 'Segoe UI', 'Noto Sans', Helvetica, Arial, sans-serif; color: #1f2328; max-width: 980px; margin: 32px auto; padding: 0 24px; }
section { border: 1px solid #d1d9e0; border-radius: 6px; margin: 16px 0 24px; overflow: hidden; }
section > h2 { font-size: 14px; margin: 0; padding: 12px 16px; background: #f6f8fa; border-bottom: 1px solid #d1d9e0; }
section > div { padding: 16px 24px; }
h3 { font-size: 20px; margin: 8px 0 16px; }
table { border-collapse: collapse; display: block; width: max-content; max-width: 100%; overflow: auto; margin: 0 0 16px; }
th, td { border: 1px solid #d1d9e0; padding: 6px 13px; }
tr:nth-child(2n) td { background: #f6f8fa; }
code { font: 85% ui-monospace, SFMono-Regular, 'Liberation Mono', monospace; background: #818b981f; padding: 0.2em 0.4em; border-radius: 6px; white-space: break-spaces; }
pre { background: #f6f8fa; padding: 16px; border-radius: 6px; overflow: auto; line-height: 1.45; }
pre code { background: none; padding: 0; white-space: pre; }
details { margin: 0 0 16px; }
a { color: #0969da; }
`

/** One page with the job summaries of several steps, as GitHub shows them below each other. */
export function summaryPage(title: string, summaries: readonly StepSummary[]): string {
  const markdown = new Marked({ gfm: true, async: false })
  const sections = summaries
    .filter(summary => summary.markdown.trim() !== '')
    .map(summary => {
      const html = markdown.parse(summary.markdown)
      return `<section>\n<h2>${escaped(summary.title)}</h2>\n<div>\n${String(html)}</div>\n</section>\n`
    })
  return `<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>${escaped(title)}</title>\n<style>${STYLE}</style>\n<h1>${escaped(title)}</h1>\n${sections.join('')}</html>\n`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
