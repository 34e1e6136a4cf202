import { expect, test } from '@jest/globals'
import { Marked } from 'marked'
import { code, codeBlock, plain, table } from '../src/index.ts'

const renderer = new Marked({ gfm: true })
const rendered = (markdown: string): string => String(renderer.parse(markdown, { async: false })).trim()

const NAMED: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', amp: '&' }

/** The text that a browser shows for HTML without tags. */
function decoded(html: string): string {
  return html.replace(/&(?:#(\d+)|(lt|gt|quot|amp));/g, (_, number: string | undefined, name: string) =>
    number === undefined ? (NAMED[name] ?? '') : String.fromCodePoint(Number(number)),
  )
}

const hostile: readonly string[] = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '</code></td></tr></table></details>',
  '<!-- comment -->',
  '&lt;b&gt; &amp; &#60;',
  '![pixel](https://evil.example/x.png)',
  '[click](javascript:alert(1))',
  '[ref]: https://evil.example',
  'https://evil.example/path?q=1 http://a.b',
  'www.evil.example WWW.evil.example awww.x.y',
  'user@evil.example',
  '@octocat and org/repo#12 #34 GH-56',
  '**bold** _it_ __u__ ~~s~~ *a* `code` ``x``',
  '$math$ $$math$$ :tada:',
  '| a | b |',
  'a \\| b \\',
  '- item',
  '+ item',
  '* item',
  '1. item',
  '12) item',
  '# heading',
  '> quote',
  '---',
  '===',
  '    indented',
  '```\nfence\n```',
  '~~~\nfence',
  'a\n\n<b>x</b>\r\n- b\rc',
  '[x] done',
  '[^1]: note',
  '<https://evil.example>',
  '<user@evil.example>',
  'é漢😀\u202e',
  '',
]

const oneLine = (text: string): string => text.replace(/\s*[\r\n]+\s*/g, ' ')

test('code comes out as code, letter for letter', () => {
  for (const text of hostile) {
    const html = rendered(`before ${code(text)} after`)
    const inside = /^<p>before <code>(.*)<\/code> after<\/p>$/s.exec(html)?.[1]
    expect({ text, html: inside ?? html, tags: /<[a-z!/]/i.test(inside ?? html) }).toMatchObject({ text, tags: false })
    expect(decoded(inside ?? '')).toBe(oneLine(text))
  }
})

test('plain text comes out as text, in a sentence, a heading, a list entry and at the start of a block', () => {
  const places: readonly [string, string, string][] = [
    ['It said: ', '<p>It said: ', '</p>'],
    ['### ✅ ', '<h3>✅ ', '</h3>'],
    ['- ', '<ul>\n<li>', '</li>\n</ul>'],
    ['', '<p>', '</p>'],
  ]
  for (const text of hostile) {
    for (const [before, open, close] of places) {
      const html = rendered(`${before}${plain(text)}`)
      if (text === '') continue
      expect({ text, before, html: [html.slice(0, open.length), html.slice(html.length - close.length)] }).toEqual({
        text,
        before,
        html: [open, close],
      })
      const inside = html.slice(open.length, html.length - close.length)
      expect({ text, tags: /<[a-z!/]/i.test(inside) }).toEqual({ text, tags: false })
      expect(decoded(inside).replaceAll('\u200b', '')).toBe(oneLine(text).trim())
    }
  }
})

test('a table keeps its shape whatever its cells hold', () => {
  const rows = hostile.map(text => [code(text), plain(text)])
  const html = rendered(table(['', 'Plain'], rows))
  const cells = [...html.matchAll(/<td>(.*?)<\/td>/gs)].map(([, cell = '']) =>
    decoded(cell.replace(/<\/?code>/g, '')).replaceAll('\u200b', ''),
  )
  expect(cells).toEqual(
    hostile.flatMap(text => [oneLine(text).trim() === '' ? '' : oneLine(text), oneLine(text).trim()]),
  )
  expect(html.match(/<(?!\/?(?:table|thead|tbody|tr|th|td|code)>)/g)).toBeNull()
})

test('a block shows every line as it is, without colours, whatever fences it holds', () => {
  const fences = ['```', '````\n```', '`'.repeat(200), '``\u001b[0m`\n# out', '~~~\n```text', '\u001b]0;title\u0007```']
  for (const text of [...hostile, ...fences, `x\r\`\`\`\ry`]) {
    const html = rendered(`before\n\n${codeBlock(text)}\n\nafter`)
    const inside = /^<p>before<\/p>\n<pre><code class="language-text">(.*)\n<\/code><\/pre>\n<p>after<\/p>$/s.exec(
      html,
    )?.[1]
    expect({ text, whole: inside === undefined ? html : '' }).toEqual({ text, whole: '' })
    const shown = text.replace(/\r\n?/g, '\n').replace(/\u001b\[0m|\u001b\]0;title\u0007/g, '')
    expect(decoded(inside ?? '')).toBe(shown)
  }
  expect(codeBlock('\u001b[1;31mred\u001b[0m\u001b]8;;http://x\u001b\\link\u001b]8;;\u001b\\\u001bM')).toBe(
    '```text\nredlink\n```',
  )
  // A log of very many short runs of backticks.
  expect(codeBlock('` '.repeat(500_000)).slice(0, 8)).toBe('```text\n')
})
