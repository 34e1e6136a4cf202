import { shortened } from '@aws-deploy-actions/action-runtime'
import { distance } from 'fastest-levenshtein'
import { type Document, isScalar, isSeq, visit, type YAMLMap } from 'yaml'

/** A scalar as it is written: `1.10` stays `1.10`. @throws Error for lists and maps */
export function textOf(node: unknown): string | undefined {
  if (isNothing(node)) return undefined
  if (!isScalar(node)) throw new Error('allowed is a text')
  return typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
}

/** One text or a list of them. @throws Error for one that is empty: every answer holds it */
export function textsOf(node: unknown): string[] {
  return (isSeq(node) ? node.items : [node]).map(entry => {
    const text = textOf(entry) ?? ''
    if (text === '') throw new Error('is empty; allowed is a text, or a list of them')
    return text
  })
}

export function isNothing(node: unknown): boolean {
  return node === undefined || node === null || (isScalar(node) && node.value === null)
}

/** Keys that a map has and should not have, each with what was perhaps meant. */
export function unknownKeys(map: YAMLMap, known: readonly string[]): { key: string; problem: string }[] {
  return map.items
    .map(({ key }) => (isScalar(key) ? String(key.value) : '?'))
    .filter(key => !known.includes(key))
    .map(key => {
      const [nearest = ''] = known.toSorted((a, b) => distance(a, key) - distance(b, key))
      return {
        key: shortened(key),
        problem: `there is no such field; did you mean ${nearest}? Allowed are ${known.join(', ')}`,
      }
    })
}

/** Puts what an alias stands for in its place; one that stands for what it is in stays. */
export function resolveAliases(document: Document): void {
  visit(document, {
    Alias: (_, alias, path) => {
      const target = alias.resolve(document)
      return target === undefined || path.includes(target) ? undefined : target
    },
  })
}
