/** An image as the inputs name it. `version` is `:tag`, `@sha256:…` or empty. */
export type ImageReference =
  | {
      readonly registry: 'private'
      readonly accountId: string | undefined
      readonly region: string | undefined
      readonly repository: string
      readonly version: string
      /** as given, when a full URI was given */
      readonly uri: string | undefined
    }
  | {
      readonly registry: 'public'
      readonly alias: string
      readonly repository: string
      readonly version: string
      readonly uri: string | undefined
    }
  | { readonly registry: 'other'; readonly uri: string }

// Names and versions as ECR takes them (API reference, CreateRepository; OCI distribution specification).
const NAME = '[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*'
const TAG = ':[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}'
const DIGEST = '@sha256:[0-9a-f]{64}'

const PRIVATE_HOST = String.raw`(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.[a-z0-9.-]+`
const PRIVATE_URI = new RegExp(`^${PRIVATE_HOST}/(${NAME})((?:${TAG})?(?:${DIGEST})?)$`)
const PUBLIC_URI = new RegExp(`^public\\.ecr\\.aws/([a-z0-9][a-z0-9-]*)/(${NAME})((?:${TAG})?(?:${DIGEST})?)$`)
const PRIVATE_SHORT = new RegExp(`^ecr:(?:(\\d{12})/)?(${NAME})((?:${TAG}|${DIGEST})?)$`)
const PUBLIC_SHORT = new RegExp(`^ecr-public:([a-z0-9][a-z0-9-]*)/(${NAME})((?:${TAG}|${DIGEST})?)$`)
const ECR_HOST = new RegExp(`^(?:${PRIVATE_HOST}|public\\.ecr\\.aws)/`)

/** @throws Error that says what is allowed, for a reference to ECR that is malformed, and for any with blanks */
export function parseImageReference(text: string): ImageReference {
  const short = PRIVATE_SHORT.exec(text)
  if (short?.[2] !== undefined) {
    return {
      registry: 'private',
      accountId: short[1],
      region: undefined,
      repository: short[2],
      version: short[3] ?? '',
      uri: undefined,
    }
  }
  const shortPublic = PUBLIC_SHORT.exec(text)
  if (shortPublic?.[1] !== undefined && shortPublic[2] !== undefined) {
    return {
      registry: 'public',
      alias: shortPublic[1],
      repository: shortPublic[2],
      version: shortPublic[3] ?? '',
      uri: undefined,
    }
  }
  if (/^ecr(?:-public)?:/.test(text)) {
    throw new Error(
      'allowed is ecr:NAME:TAG, ecr:NAME@sha256:…, ecr:ACCOUNT/NAME:TAG, ecr-public:ALIAS/NAME:TAG or a full URI',
    )
  }
  const uri = PRIVATE_URI.exec(text)
  if (uri?.[3] !== undefined) {
    return {
      registry: 'private',
      accountId: uri[1],
      region: uri[2],
      repository: uri[3],
      version: uri[4] ?? '',
      uri: text,
    }
  }
  const publicUri = PUBLIC_URI.exec(text)
  if (publicUri?.[1] !== undefined && publicUri[2] !== undefined) {
    return { registry: 'public', alias: publicUri[1], repository: publicUri[2], version: publicUri[3] ?? '', uri: text }
  }
  if (ECR_HOST.test(text)) {
    throw new Error('allowed is REGISTRY/NAME with :TAG or @sha256:… behind it; names are in lower case')
  }
  if (/[\s\u0000-\u001f]/.test(text)) throw new Error('allowed is an image reference without blanks')
  return { registry: 'other', uri: text }
}
