import { Failure } from '@aws-deploy-actions/action-runtime'
import { isRecord } from './content.ts'
import type { HttpAnswer } from './http-exchange.ts'

/** The registry refused something; retrying does not mend it. */
export class RegistryError extends Failure {
  override readonly name = 'RegistryError'
  readonly httpStatus: number
  /** the registry's own code: `NAME_UNKNOWN`, `TAG_INVALID`, `BLOB_UPLOAD_UNKNOWN`, … or empty */
  readonly code: string

  constructor(what: string, resource: string, answer: HttpAnswer, next: readonly string[] = []) {
    const { code, text } = registryWords(answer)
    super(what, { resource, said: text, saidBy: 'The registry', ...(next.length === 0 ? {} : { next }) })
    this.httpStatus = answer.status
    this.code = code
  }
}

/** A fault that passes by itself, still there after all tries. Another attempt at the whole image may succeed. */
export class RegistryUnavailable extends Failure {
  override readonly name = 'RegistryUnavailable'

  constructor(what: string, details: Failure['details']) {
    super(what, { saidBy: 'The registry', ...details })
  }
}

/** What a registry says in an error (distribution spec, "Error Codes"), in one line. */
export function registryWords({ status, body }: HttpAnswer): { code: string; text: string } {
  const plain = body.toString('utf8').replace(/\s+/g, ' ').trim().slice(0, 500)
  let document: unknown
  try {
    document = JSON.parse(plain === '' ? 'null' : body.toString('utf8'))
  } catch {
    // A proxy's or load balancer's page: shown as it is.
    return { code: '', text: `${status} ${plain}` }
  }
  const list = isRecord(document) ? document['errors'] : undefined
  const errors = Array.isArray(list) ? list.filter(isRecord) : []
  const texts = errors.map(({ code, message, detail }) =>
    [code, message, typeof detail === 'string' ? detail : undefined]
      .filter(part => typeof part === 'string' && part !== '')
      .join(': '),
  )
  const code = errors[0]?.['code']
  return {
    code: typeof code === 'string' ? code : '',
    text: texts.length === 0 ? `${status} ${plain}`.trim() : `${texts.join('; ')} (${status})`,
  }
}
