import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { marked, type Token, type Tokens } from 'marked'
import { root } from './module-graph.ts'

/** A document of the repository, read as GitHub reads it. */
export interface MarkdownPage {
  /** targets of links and images, as they are written */
  readonly links: readonly string[]
  /** what `#…` may say */
  readonly anchors: ReadonlySet<string>
  /** blocks of code by language, in order */
  readonly code: readonly { readonly language: string; readonly text: string }[]
  readonly tables: readonly {
    /** the heading above it */
    readonly under: string
    /** the `code` in each row's first cell */
    readonly firstCells: readonly (readonly string[])[]
  }[]
}

/** @param path from the repository's root */
export function markdownPage(path: string): MarkdownPage {
  const links: string[] = []
  const anchors = new Set<string>()
  const code: { language: string; text: string }[] = []
  const tables: { under: string; firstCells: string[][] }[] = []
  let under = ''
  const tokens = marked.lexer(readFileSync(join(root, path), 'utf8'))
  marked.walkTokens(tokens, token => {
    if (isOf('heading', token)) {
      under = token.text
      anchors.add(freeAnchor(anchorOf(token), anchors))
    } else if (isOf('link', token) || isOf('image', token)) links.push(token.href)
    else if (isOf('code', token)) code.push({ language: token.lang ?? '', text: token.text })
    else if (isOf('table', token)) tables.push({ under, firstCells: token.rows.map(([cell]) => codeIn(cell?.tokens)) })
  })
  return { links, anchors, code, tables }
}

interface Kinds {
  readonly heading: Tokens.Heading
  readonly link: Tokens.Link
  readonly image: Tokens.Image
  readonly code: Tokens.Code
  readonly codespan: Tokens.Codespan
  readonly table: Tokens.Table
}

function isOf<Kind extends keyof Kinds>(kind: Kind, token: Token): token is Kinds[Kind] {
  return token.type === kind
}

function codeIn(tokens: readonly Token[] = []): string[] {
  return tokens.filter(token => isOf('codespan', token)).map(({ text }) => text)
}

/** GitHub makes anchors of the text in small letters: blanks become hyphens, other signs but `-` and `_` go. */
function anchorOf({ tokens }: Tokens.Heading): string {
  const text = tokens.map(token => ('text' in token ? String(token.text) : token.raw)).join('')
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, '')
    .replaceAll(' ', '-')
}

/** A heading that is there already gets a number. */
function freeAnchor(anchor: string, taken: ReadonlySet<string>): string {
  let free = anchor
  for (let number = 1; taken.has(free); number++) free = `${anchor}-${number}`
  return free
}
