import type { InputReader } from '@aws-deploy-actions/action-runtime'

/** What every SDK client of ours is made with. */
export interface SdkConfig {
  readonly region: string
  readonly maxAttempts: 1
  readonly requestHandler: {
    readonly connectionTimeout: number
    readonly requestTimeout: number
    readonly throwOnRequestTimeout: true
  }
}

/**
 * Configuration for any `@aws-sdk/client-*`. Credentials and endpoints come from the SDK's standard chain. The SDK does
 * not retry: `call` does, until the deadline and with a word about it.
 */
export function sdkConfig(region: string): SdkConfig {
  return {
    region,
    maxAttempts: 1,
    // Milliseconds. An answer that takes longer counts as lost and the request is repeated where that is safe.
    requestHandler: { connectionTimeout: 5000, requestTimeout: 20_000, throwOnRequestTimeout: true },
  }
}

/** Reads `aws-region`, else AWS_REGION, else AWS_DEFAULT_REGION; none or a malformed one is a problem. */
export function readRegion(input: InputReader): string {
  const given = input.optional('aws-region')
  const region = given ?? input.variable('AWS_REGION') ?? input.variable('AWS_DEFAULT_REGION')
  if (region === undefined) {
    input.conflict('aws-region', 'is not set, nor are AWS_REGION and AWS_DEFAULT_REGION; set one, e.g. eu-west-1')
  } else if (!/^[a-z]{2,}(?:-[a-z]+)+-\d+$/.test(region))
    input.problem('aws-region', region, 'allowed is a region such as eu-west-1')
  return region ?? ''
}
