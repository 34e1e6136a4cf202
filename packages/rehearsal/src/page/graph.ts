import type { JobResult, Rehearsal } from '../results.ts'
import { graphSign } from './graph-sign.ts'
import { anchor, duration, escaped } from './html.ts'

const WIDTH = 184
const GAP = { x: 36, y: 18 }
const ROW = 32
const TITLE = 26
const PADDING = 8

interface Card {
  readonly job: JobResult
  /** the jobs that stand in it: its own, or the legs and called jobs */
  readonly rows: readonly JobResult[]
  readonly titled: boolean
  readonly x: number
  readonly y: number
  readonly height: number
}

/**
 * The jobs as cards, left to right as they need each other, with lines between them: one SVG.
 * @param prefix of the anchors that it leads to
 */
export function graphSvg({ jobs }: Rehearsal, prefix: string): string {
  const inside = new Set(Object.values(jobs).flatMap(({ parts }) => parts))
  const outer = Object.values(jobs).filter(({ key }) => !inside.has(key))
  const [only] = outer
  if (only === undefined) return ''
  // A workflow that only calls another one is that other one.
  const isCall = outer.length === 1 && only.parts.length > 1
  const top = isCall ? partsOf(only, jobs) : outer
  const caller = isCall ? only.name : ''
  const byKey = new Map(top.map(job => [job.key, job]))
  const needs = new Map(top.map(job => [job.key, job.needs.filter(key => byKey.has(key))]))
  const cards = placed(top, needs, jobs)
  const lines = [...cards.values()].flatMap(card =>
    direct(card.job.key, needs).flatMap(key => {
      const from = cards.get(key)
      return from === undefined ? [] : [line(from, card)]
    }),
  )
  const width = Math.max(...[...cards.values()].map(({ x }) => x + WIDTH)) + PADDING
  const height = Math.max(...[...cards.values()].map(card => card.y + card.height)) + PADDING
  return `<svg class="graph" style="width:${width}px;min-width:${Math.round(width * 0.85)}px" viewBox="0 0 ${width} ${height}" role="img" aria-label="the jobs and what they need">${lines.join('')}${[...cards.values()].map(card => cardSvg(card, caller, prefix)).join('')}</svg>`
}

function placed(
  top: readonly JobResult[],
  needs: ReadonlyMap<string, readonly string[]>,
  jobs: Rehearsal['jobs'],
): Map<string, Card> {
  const depths = new Map<string, number>()
  const depth = (key: string): number => {
    const known = depths.get(key)
    if (known !== undefined) return known
    const found = Math.max(-1, ...(needs.get(key) ?? []).map(depth)) + 1
    depths.set(key, found)
    return found
  }
  const bottoms: number[] = []
  const cards = new Map<string, Card>()
  for (const job of [...top].sort((a, b) => depth(a.key) - depth(b.key) || a.began - b.began)) {
    const rows = job.parts.length === 0 ? [job] : leaves(job, jobs)
    const titled = job.parts.length > 0
    const column = depth(job.key)
    const y = bottoms[column] ?? PADDING
    const height = rows.length * ROW + (titled ? TITLE : 0) + PADDING
    cards.set(job.key, { job, rows, titled, x: PADDING + column * (WIDTH + GAP.x), y, height })
    bottoms[column] = y + height + GAP.y
  }
  return cards
}

function leaves(job: JobResult, jobs: Rehearsal['jobs']): JobResult[] {
  if (job.parts.length === 0) return [job]
  return partsOf(job, jobs).flatMap(part => leaves(part, jobs))
}

function partsOf({ parts }: JobResult, jobs: Rehearsal['jobs']): JobResult[] {
  return parts.flatMap(key => jobs[key] ?? [])
}

/** Lines to what is needed anyway through another job only clutter. */
function direct(key: string, needs: ReadonlyMap<string, readonly string[]>): string[] {
  const above = (of: string): Set<string> => new Set((needs.get(of) ?? []).flatMap(next => [next, ...above(next)]))
  const own = needs.get(key) ?? []
  return own.filter(one => !own.some(other => other !== one && above(other).has(one)))
}

function line(from: Card, to: Card): string {
  const [x1, y1] = [from.x + WIDTH, from.y + from.height / 2]
  const [x2, y2] = [to.x, to.y + to.height / 2]
  const middle = x2 - GAP.x / 2
  const state = to.job.conclusion === 'skipped' ? ' skipped' : ''
  return `<path class="edge${state}" d="M${x1} ${y1}H${middle - 12}C${middle + 2} ${y1} ${middle - 2} ${y2} ${middle + 12} ${y2}H${x2}"/><circle class="port" cx="${x1}" cy="${y1}" r="3.5"/><circle class="port" cx="${x2}" cy="${y2}" r="3.5"/>`
}

function cardSvg({ job, rows, titled, x, y, height }: Card, caller: string, prefix: string): string {
  const title = titled
    ? `<text class="title" x="${x + 12}" y="${y + 20}">${escaped(short(within(job.name, caller), 24))}<title>${escaped(job.name)}</title></text>`
    : ''
  const body = rows.map((row, index) => {
    const at = y + PADDING / 2 + (titled ? TITLE : 0) + index * ROW
    const name = within(row.name, titled ? job.name : caller)
    const took = row.conclusion === 'skipped' ? '' : duration(row.took)
    return `<a href="#${anchor(prefix + row.key)}"><rect class="row" x="${x + 4}" y="${at}" width="${WIDTH - 8}" height="${ROW - 2}" rx="6"/>${graphSign(row.conclusion, x + 12, at + 7)}<text x="${x + 36}" y="${at + 20}">${escaped(short(name, 16))}<title>${escaped(row.name)}</title></text><text class="took" x="${x + WIDTH - 12}" y="${at + 20}">${took}</text></a>`
  })
  return `<rect class="card" x="${x}" y="${y}" width="${WIDTH}" height="${height}" rx="8"/>${title}${body.join('')}`
}

/** Without the name of the job that calls it. */
function within(name: string, caller: string): string {
  return name.startsWith(`${caller} / `) ? name.slice(caller.length + 3) : name
}

function short(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`
}
