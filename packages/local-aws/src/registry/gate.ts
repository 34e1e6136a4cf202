import type { IncomingMessage } from 'node:http'
import type { Need } from '../service.ts'
import { accessOf, anonymousPushRefused, tokenAnswer } from './access.ts'
import { type Answer, answerOf, errorAnswer } from './answers.ts'
import { answerBlob, blobAnswer } from './blob-routes.ts'
import { ConnectionBroken, type Exchange, type RegistryState } from './exchange.ts'
import type { RegistryHooks } from './hooks.ts'
import { answerManifest, answerReferrers, answerTags } from './manifest-routes.ts'
import { isPublicRead, needsOf } from './needs.ts'
import { type RegistryScope, repositoryNotFound } from './repositories.ts'
import { operationName, type Route } from './routes.ts'
import type { Grant } from './tokens.ts'
import { answerUpload } from './upload-routes.ts'

export interface Outcome {
  readonly answer: Answer
  readonly needs: readonly Need[]
  readonly denied?: Need
}

/** One request as it reached a port. */
export interface Arrival {
  readonly request: IncomingMessage
  readonly kind: RegistryScope['kind']
  readonly route: Route
  readonly url: URL
  /** a fault wants the connection to break after so many bytes of the blob */
  readonly breakAfter: number | undefined
}

interface Target {
  readonly scope: RegistryScope
  readonly name: string
  /** what "the registry with id" is called in errors */
  readonly shownId: string
}

/** The repository that a path names: of the grant's account and region, or under the public alias. */
function targetOf(state: RegistryState, kind: RegistryScope['kind'], grant: Grant | undefined, path: string): Target {
  if (kind === 'public') {
    const [alias = '', ...rest] = path.split('/')
    const registryId = alias === state.publicAlias ? state.accountId : `alias ${alias}`
    // public.ecr.aws says the alias where a private registry says the account
    return { scope: { kind, registryId, region: 'us-east-1' }, name: rest.join('/'), shownId: alias }
  }
  const registryId = grant?.registryId ?? state.accountId
  const region = grant?.region ?? '*'
  if (region !== '*') {
    // A token opens every registry that its holder may use, and the host says whose it is (ECR user guide, "Private
    // registry authentication"). One host stands for all here: a name that the token's account lacks is another one's.
    const own = { kind, registryId, region }
    const scope = state.repositories.ofAnyAccount(own, path)?.scope ?? own
    return { scope, name: path, shownId: scope.registryId }
  }
  const holder = state.repositories.find({ kind, registryId, region }, path)?.scope.region
  const found = holder ?? state.pullThrough.regionFor(registryId, path) ?? 'us-east-1'
  return { scope: { kind, registryId, region: found }, name: path, shownId: registryId }
}

async function routed(route: Route, exchange: Exchange): Promise<Answer> {
  switch (route.kind) {
    case 'blob':
      return await answerBlob(exchange, route.digest)
    case 'upload':
      return await answerUpload(exchange, route.id)
    case 'manifest':
      return await answerManifest(exchange, route.reference)
    case 'tags':
      return answerTags(exchange)
    case 'referrers':
      return answerReferrers(exchange, route.digest)
    default:
      return { status: 404 }
  }
}

async function layerAnswer(state: RegistryState, digest: string, arrival: Arrival): Promise<Answer> {
  const size = state.links.isValid(digest, arrival.url.searchParams) ? await state.store.size(digest) : undefined
  if (size === undefined) return { status: 403, body: 'AccessDenied' }
  return blobAnswer(state.store, digest, size, arrival.request.headers.range)
}

/**
 * Lets a request in (token, policy) and has it answered.
 * @throws ConnectionBroken when there is nobody left to answer
 */
export async function outcomeOf(state: RegistryState, hooks: RegistryHooks, arrival: Arrival): Promise<Outcome> {
  const { request, route, kind, url } = arrival
  const { authorization } = request.headers
  if (route.kind === 'layer') return { answer: await layerAnswer(state, route.digest, arrival), needs: [] }
  if (route.kind === 'token') {
    const answer = kind === 'public' ? tokenAnswer(state.tokens, authorization, state.now()) : { status: 404 }
    return { answer, needs: [] }
  }
  const access = accessOf(state.tokens, kind, authorization, url.origin, state.now())
  if ('refused' in access) return { answer: access.refused, needs: [] }
  if (route.kind === 'ping') return { answer: { status: 200, headers: { 'content-length': 0 } }, needs: [] }
  const operation = operationName(request.method ?? 'GET', route)
  const anonymous = access.grant === undefined
  if (anonymous && !isPublicRead(operation)) return { answer: anonymousPushRefused, needs: [] }
  const { scope, name, shownId } = targetOf(state, kind, access.grant, route.name)
  const unchecked = anonymous || access.grant?.ofEngine === true
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers
  const asked = {
    kind,
    operation,
    resource: state.repositories.arn(scope, name),
    hasBody: length !== '0' || encoding !== undefined,
    isWholeUpload: operation === 'POST upload' && url.searchParams.has('digest'),
  }
  const needs = unchecked ? [] : needsOf(asked)
  const denialOf = (need: Need): string | undefined =>
    unchecked ? undefined : hooks.authorize?.(need, access.grant?.caller)
  for (const need of needs) {
    const denial = denialOf(need)
    if (denial !== undefined) return { answer: errorAnswer('DENIED', denial, 403), needs, denied: need }
  }
  const exchange: Exchange = {
    state,
    request,
    method: request.method ?? 'GET',
    query: url.searchParams,
    origin: url.origin,
    scope,
    pathName: route.name,
    name,
    repository: () => {
      const repository = state.repositories.find(scope, name)
      if (repository === undefined) throw repositoryNotFound(name, shownId)
      return repository
    },
    denied: more => more.map(denialOf).find(denial => denial !== undefined),
    breakAfter: arrival.breakAfter,
  }
  try {
    return { answer: await routed(route, exchange), needs }
  } catch (error) {
    if (error instanceof ConnectionBroken) throw error
    return { answer: answerOf(error), needs }
  }
}
