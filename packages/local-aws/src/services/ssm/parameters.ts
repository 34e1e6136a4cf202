import type {
  DeleteParameterCommandInput,
  DeleteParameterCommandOutput,
  DescribeParametersCommandInput,
  DescribeParametersCommandOutput,
  GetParameterCommandInput,
  GetParameterCommandOutput,
  GetParametersCommandInput,
  GetParametersCommandOutput,
  ParameterStringFilter,
  ParameterType,
  PutParameterCommandInput,
  PutParameterCommandOutput,
} from '@aws-sdk/client-ssm'
import { AwsError, type Operation, operation, type RequestContext } from '../../service.ts'

export interface Parameter {
  readonly name: string
  readonly arn: string
  readonly type: ParameterType
  readonly value: string
  readonly version: number
  readonly description: string | undefined
  readonly modifiedAt: Date
  readonly modifiedBy: string
}

/** The parameters of one account. */
export class ParameterStore {
  readonly #accountId: string
  readonly #regions = new Map<string, Map<string, Parameter>>()

  constructor(accountId: string) {
    this.#accountId = accountId
  }

  all(region: string): Map<string, Parameter> {
    const parameters = this.#regions.get(region) ?? new Map<string, Parameter>()
    this.#regions.set(region, parameters)
    return parameters
  }

  /** by name or ARN */
  find(region: string, id: string): Parameter | undefined {
    return [...this.all(region).values()].find(({ name, arn }) => name === id || arn === id)
  }

  /** a hierarchy's leading slash is also the separator in the ARN */
  arn(region: string, name: string): string {
    if (name.startsWith('arn:')) return name
    return `arn:aws:ssm:${region}:${this.#accountId}:parameter/${name.replace(/^\//, '')}`
  }
}

/** SSM's Parameter Store as far as tasks and those who set them up need it. */
export function parameterOperations(store: ParameterStore): Record<string, Operation> {
  const onParameter = (action: string, names: readonly (string | undefined)[], { region }: RequestContext) =>
    names.map(name => ({ action: `ssm:${action}`, resource: store.arn(region, name ?? '') }))
  return {
    PutParameter: operation<PutParameterCommandInput, PutParameterCommandOutput>({
      needs: ({ Name }, context) => onParameter('PutParameter', [Name], context),
      run({ Name = '', Value = '', Type, Overwrite, Description }, { region, caller }) {
        if (!/^[a-zA-Z0-9_.\-/]{1,1011}$/.test(Name)) {
          throw new AwsError(
            'ValidationException',
            'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_',
          )
        }
        const earlier = store.find(region, Name)
        if (earlier && !Overwrite) {
          throw new AwsError(
            'ParameterAlreadyExists',
            'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.',
          )
        }
        const type = Type ?? earlier?.type
        if (type === undefined)
          throw new AwsError('ValidationException', 'A parameter type is required when you create a parameter.')
        const version = (earlier?.version ?? 0) + 1
        store.all(region).set(Name, {
          name: Name,
          arn: store.arn(region, Name),
          type,
          value: Value,
          version,
          description: Description ?? earlier?.description,
          modifiedAt: new Date(),
          modifiedBy: caller,
        })
        return { Version: version, Tier: 'Standard' }
      },
    }),
    DeleteParameter: operation<DeleteParameterCommandInput, DeleteParameterCommandOutput>({
      needs: ({ Name }, context) => onParameter('DeleteParameter', [Name], context),
      run({ Name = '' }, { region }) {
        const found = store.find(region, Name)
        if (!found) throw new AwsError('ParameterNotFound', '')
        store.all(region).delete(found.name)
        return {}
      },
    }),
    GetParameter: operation<GetParameterCommandInput, GetParameterCommandOutput>({
      needs: ({ Name }, context) => onParameter('GetParameter', [Name], context),
      run({ Name = '', WithDecryption }, { region }) {
        const found = store.find(region, Name)
        // AWS's message is empty
        if (!found) throw new AwsError('ParameterNotFound', '')
        return { Parameter: shown(found, WithDecryption) }
      },
    }),
    GetParameters: operation<GetParametersCommandInput, GetParametersCommandOutput>({
      needs: ({ Names }, context) => onParameter('GetParameters', Names ?? [], context),
      run({ Names = [], WithDecryption }, { region }) {
        if (Names.length < 1 || Names.length > 10) {
          throw new AwsError(
            'ValidationException',
            "1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length less than or equal to 10",
          )
        }
        const found = Names.map(name => ({ name, parameter: store.find(region, name) }))
        return {
          Parameters: found.flatMap(({ parameter }) => (parameter ? [shown(parameter, WithDecryption)] : [])),
          InvalidParameters: found.filter(({ parameter }) => !parameter).map(({ name }) => name),
        }
      },
    }),
    DescribeParameters: operation<DescribeParametersCommandInput, DescribeParametersCommandOutput>({
      needs: () => [{ action: 'ssm:DescribeParameters', resource: '*' }],
      run({ ParameterFilters = [], MaxResults = 50, NextToken }, { region }) {
        const matches = [...store.all(region).values()]
          .filter(parameter => ParameterFilters.every(filter => passes(parameter, filter)))
          .sort((a, b) => (a.name < b.name ? -1 : 1))
        const start = Number(NextToken ?? 0)
        const end = start + MaxResults
        return {
          Parameters: matches
            .slice(start, end)
            .map(({ name, arn, type, version, description, modifiedAt, modifiedBy }) => ({
              Name: name,
              ARN: arn,
              Type: type,
              ...(type === 'SecureString' ? { KeyId: 'alias/aws/ssm' } : {}),
              LastModifiedDate: modifiedAt,
              LastModifiedUser: modifiedBy,
              ...(description === undefined ? {} : { Description: description }),
              Version: version,
              Tier: 'Standard' as const,
              Policies: [],
              DataType: 'text',
            })),
          ...(end < matches.length ? { NextToken: String(end) } : {}),
        }
      },
    }),
  }
}

function shown({ name, arn, type, value, version, modifiedAt }: Parameter, decrypted: boolean | undefined) {
  // a SecureString without WithDecryption comes back encrypted: opaque base64
  const plain = type !== 'SecureString' || decrypted === true
  return {
    Name: name,
    ARN: arn,
    Type: type,
    Value: plain ? value : Buffer.from(`AQICAH local-aws ${name}`).toString('base64'),
    Version: version,
    LastModifiedDate: modifiedAt,
    DataType: 'text',
  }
}

// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html
function passes(parameter: Parameter, { Key, Option = 'Equals', Values = [] }: ParameterStringFilter): boolean {
  if (Key === 'Path') {
    const recursive = Option === 'Recursive'
    return Values.some(path => {
      const below = parameter.name.startsWith(`${path.replace(/\/$/, '')}/`)
      return below && (recursive || !parameter.name.slice(path.replace(/\/$/, '').length + 1).includes('/'))
    })
  }
  const value = Key === 'Name' ? parameter.name : Key === 'Type' ? parameter.type : undefined
  if (value === undefined)
    throw new AwsError('InvalidFilterKey', `local-aws filters by Name, Type and Path, not by ${Key}`)
  if (Option === 'Equals') return Values.includes(value)
  if (Option === 'BeginsWith') return Values.some(prefix => value.startsWith(prefix))
  if (Option === 'Contains') return Values.some(text => value.includes(text))
  throw new AwsError('InvalidFilterOption', `The filter option ${Option} is not valid for ${Key}.`)
}
