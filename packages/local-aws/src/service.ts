import type { Cloud } from './cloud.ts'

/** What one API request runs in. */
export interface RequestContext {
  readonly cloud: Cloud
  /** region the request was signed for, e.g. `eu-west-1` */
  readonly region: string
  readonly accountId: string
  /** ARN of who asks */
  readonly caller: string
}

/**
 * One permission that a request needs, in IAM's own terms: `ecs:RunTask` on an ARN, with the condition keys that the
 * service puts into the request context (`ecs:cluster`, `iam:PassedToService`, …).
 */
export interface Need {
  readonly action: string
  /** ARN, or `*` for actions without resource-level permissions */
  readonly resource: string
  readonly context?: Readonly<Record<string, string>>
}

/**
 * One API operation. Input arrives decoded and validated against the SDK's model; output is validated before it leaves.
 * `needs` is pure and comes first: a denied request changes nothing.
 */
export interface Operation {
  needs(input: never, context: RequestContext): Need[]
  run(input: never, context: RequestContext): unknown
}

/** Ties an operation to its SDK input and output types: `operation<RunTaskCommandInput, RunTaskCommandOutput>({…})`. */
export function operation<Input, Output>(definition: {
  needs(input: Input, context: RequestContext): Need[]
  run(input: Input, context: RequestContext): Promise<Omit<Output, '$metadata'>> | Omit<Output, '$metadata'>
}): Operation {
  return definition
}

/** One AWS API: its wire name and the operations that are served. The others answer `UnknownOperationException`. */
export interface Service {
  /** IAM prefix and journal name: `ecs`, `ecr`, `ecr-public`, `logs`, `ssm`, `secretsmanager`, `sts` */
  readonly name: string
  /** the module of the SDK client, which exports the Smithy schemas, e.g. `import * as ecs from '@aws-sdk/client-ecs'` */
  readonly model: Readonly<Record<string, unknown>>
  readonly protocol:
    | { readonly kind: 'awsJson1_1' | 'awsJson1_0'; readonly target: string }
    | { readonly kind: 'query'; readonly version: string }
  readonly operations: Readonly<Record<string, Operation>>
  /** the error for input that breaks the model; default `InvalidParameterException`, as ecs, ecr and logs have it */
  readonly validationError?: string
}

/**
 * An error in AWS's own shape: `name` is the `__type` on the wire, `message` AWS's text, `status` the HTTP status,
 * `fields` further members of the error structure (`resourceIds` of ConflictException).
 */
export class AwsError extends Error {
  override readonly name: string
  readonly status: number
  readonly fields: Readonly<Record<string, unknown>>

  constructor(name: string, message: string, status = 400, fields: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.name = name
    this.status = status
    this.fields = fields
  }
}
