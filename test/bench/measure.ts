import { readFileSync } from 'node:fs'
import type { Rehearsal } from '@aws-deploy-actions/rehearsal'

/** One measured thing: a row of docs/benchmarks.md. */
export interface Row {
  readonly what: string
  readonly ours: string
  readonly other: string
  readonly ratio: string
  readonly aim: string
  readonly met: boolean
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`

/** Runs `work` for every item, so many at a time. */
export async function inParallel<Item, Result>(
  many: number,
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  const open = items.entries()
  const worker = async (): Promise<void> => {
    for (const [index, item] of open) results[index] = await work(item)
  }
  await Promise.all(Array.from({ length: many }, worker))
  return results
}

/** The greatest memory (RSS) that a process had so far; 0 when it is gone. */
export function peakMemoryKiB(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  } catch {
    return 0
  }
}

/** What the jobs of a rehearsal say that failed, and why it did not begin. */
export function failedJobs({ jobs, problems }: Rehearsal): string {
  const red = Object.values(jobs).filter(({ result }) => result === 'failure')
  return [...problems, ...red.map(({ key, log }) => `${key}\n${log}`)].join('\n')
}
