/** What a request asks of the registry. `name` is the repository as the path has it. */
export type Route =
  | { readonly kind: 'ping' }
  | { readonly kind: 'token' }
  | { readonly kind: 'layer'; readonly digest: string }
  | { readonly kind: 'blob' | 'referrers'; readonly name: string; readonly digest: string }
  | { readonly kind: 'upload'; readonly name: string; readonly id: string | undefined }
  | { readonly kind: 'manifest'; readonly name: string; readonly reference: string }
  | { readonly kind: 'tags'; readonly name: string }

/** Methods that each path answers: distribution specification, table "Endpoints". */
const methods: Readonly<Record<Route['kind'], readonly string[]>> = {
  ping: ['GET', 'HEAD'],
  token: ['GET'],
  layer: ['GET', 'HEAD'],
  blob: ['GET', 'HEAD'],
  referrers: ['GET'],
  upload: ['POST', 'PATCH', 'PUT', 'GET', 'DELETE'],
  manifest: ['GET', 'HEAD', 'PUT', 'DELETE'],
  tags: ['GET'],
}

const patterns: readonly (readonly [RegExp, (groups: Record<string, string>) => Route])[] = [
  [/^\/v2\/?$/, () => ({ kind: 'ping' })],
  [/^\/token\/?$/, () => ({ kind: 'token' })],
  [/^\/layers\/(?<digest>[^/]+)$/, ({ digest = '' }) => ({ kind: 'layer', digest })],
  [/^\/v2\/(?<name>.+)\/blobs\/uploads\/?$/, ({ name = '' }) => ({ kind: 'upload', name, id: undefined })],
  [/^\/v2\/(?<name>.+)\/blobs\/uploads\/(?<id>[^/]+)$/, ({ name = '', id }) => ({ kind: 'upload', name, id })],
  [/^\/v2\/(?<name>.+)\/blobs\/(?<digest>[^/]+)$/, ({ name = '', digest = '' }) => ({ kind: 'blob', name, digest })],
  [
    /^\/v2\/(?<name>.+)\/manifests\/(?<reference>[^/]+)$/,
    ({ name = '', reference = '' }) => ({ kind: 'manifest', name, reference }),
  ],
  [/^\/v2\/(?<name>.+)\/tags\/list$/, ({ name = '' }) => ({ kind: 'tags', name })],
  [
    /^\/v2\/(?<name>.+)\/referrers\/(?<digest>[^/]+)$/,
    ({ name = '', digest = '' }) => ({ kind: 'referrers', name, digest }),
  ],
]

/** some clients write the colon of a digest as `%3A` */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

/** undefined for a path or method that the registry does not serve */
export function routeOf(method: string, encodedPath: string): Route | undefined {
  const path = decoded(encodedPath)
  for (const [pattern, route] of patterns) {
    const match = pattern.exec(path)
    if (match === null) continue
    const found = route(match.groups ?? {})
    if (!methods[found.kind].includes(method)) return undefined
    // an upload is begun by POST on the collection and goes on at an address of its own
    if (found.kind === 'upload' && (method === 'POST') !== (found.id === undefined)) return undefined
    return found
  }
  return undefined
}

/** Name for faults and the journal: `GET /v2/`, `HEAD blob`, `PATCH upload`, `PUT manifest`, … */
export function operationName(method: string, route: Route): string {
  return route.kind === 'ping' ? 'GET /v2/' : `${method} ${route.kind}`
}
