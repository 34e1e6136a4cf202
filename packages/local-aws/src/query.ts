import { isRecord, type Shape } from './smithy.ts'

/*
 * The awsQuery protocol of STS and ELBv2: form-encoded requests, XML answers.
 * https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
 */

/** The form's fields → JSON as awsJson would have it, so that one decoder checks both protocols. */
export function formToJson(shape: Shape, form: ReadonlyMap<string, string>): Record<string, unknown> {
  const tree: Record<string, unknown> = {}
  for (const [key, value] of form) {
    if (key === 'Action' || key === 'Version') continue
    const parents = key.split('.')
    const leaf = parents.pop() ?? key
    let node = tree
    for (const part of parents) {
      const next = node[part]
      const child = isRecord(next) ? next : {}
      node[part] = child
      node = child
    }
    node[leaf] = value
  }
  const json = shaped(shape, tree)
  return isRecord(json) ? json : {}
}

function shaped(shape: Shape, value: unknown): unknown {
  if (shape.kind === 'structure' && isRecord(value)) {
    const entries = Object.entries(value)
    return Object.fromEntries(
      entries.map(([name, item]) => [name, shaped(shape.members.get(name)?.shape ?? shape, item)]),
    )
  }
  if (shape.kind === 'list' && isRecord(value)) {
    const items = value[shape.itemName]
    return isRecord(items) ? Object.values(items).map(item => shaped(shape.item, item)) : value
  }
  if (shape.kind === 'number' && typeof value === 'string') return Number(value)
  if (shape.kind === 'boolean' && typeof value === 'string') return value === 'true'
  return value
}

/** XML namespaces by API version: STS, ELBv2 */
const namespaces: Readonly<Record<string, string>> = {
  '2011-06-15': 'https://sts.amazonaws.com/doc/2011-06-15/',
  '2015-12-01': 'http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/',
}

/** A successful answer. `encoded` is what the model's encoder returned. */
export function queryAnswer(operation: string, version: string, encoded: unknown, requestId: string): string {
  return (
    `<${operation}Response xmlns="${namespaces[version] ?? ''}"><${operation}Result>${toXml(encoded)}</${operation}Result>` +
    `<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata></${operation}Response>`
  )
}

/** An error answer; `Type` is Sender below HTTP 500. */
export function queryError(code: string, message: string, status: number, version: string, requestId: string): string {
  const type = status < 500 ? 'Sender' : 'Receiver'
  return (
    `<ErrorResponse xmlns="${namespaces[version] ?? ''}"><Error><Type>${type}</Type><Code>${escaped(code)}</Code>` +
    `<Message>${escaped(message)}</Message></Error><RequestId>${requestId}</RequestId></ErrorResponse>`
  )
}

function toXml(value: unknown): string {
  if (Array.isArray(value)) return value.map(item => `<member>${toXml(item)}</member>`).join('')
  if (isRecord(value)) {
    return Object.entries(value)
      .map(([name, item]) => `<${name}>${toXml(item)}</${name}>`)
      .join('')
  }
  return escaped(String(value))
}

function escaped(text: string): string {
  return text.replace(/[<>&"]/g, character => `&#${character.charCodeAt(0)};`)
}
