/** What must not be seen of a job: its secrets, and what `::add-mask::` added. */
export interface Masks {
  add(secret: string): void
  /** the text with every secret as `***` */
  masked(text: string): string
}

/**
 * Masks as the runner makes them: the value, each of its lines, and the same in base64, in JSON and in URLs
 * (actions/runner, AddMaskCommandExtension and HostContext's value encoders). Overlapping secrets become one `***`.
 */
export function createMasks(secrets: Iterable<string> = []): Masks {
  const hidden = new Set<string>()
  const add = (secret: string): void => {
    for (const part of new Set([secret, ...secret.split(/\r\n|\r|\n/)])) {
      if (part.trim() === '') continue
      for (const form of formsOf(part)) if (form !== '') hidden.add(form)
    }
  }
  for (const secret of secrets) add(secret)
  return { add, masked: text => withoutSecrets(text, hidden) }
}

function formsOf(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1)
  // A secret inside a longer base64 text begins at one of three places; its first and last digits depend on the neighbours.
  const base64 = [0, 1, 2].map(shift => Buffer.from(secret).subarray(shift).toString('base64').replace(/.?=+$/, ''))
  return [secret, json, encodeURIComponent(secret), ...(secret.length < 6 ? [] : base64)]
}

function withoutSecrets(text: string, hidden: ReadonlySet<string>): string {
  const spans: [number, number][] = []
  for (const secret of hidden) {
    for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + 1)) spans.push([at, at + secret.length])
  }
  if (spans.length === 0) return text
  spans.sort(([a], [b]) => a - b)
  let shown = ''
  let end = 0
  for (const [from, to] of spans) {
    if (from > end || shown === '') shown += `${text.slice(end, from)}***`
    end = Math.max(end, to)
  }
  return shown + text.slice(end)
}
