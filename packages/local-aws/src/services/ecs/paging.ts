import { AwsError } from '../../service.ts'

/** One page of up to 100 results, as the List operations of ECS give them. */
export function paged<T>(
  items: readonly T[],
  maxResults = 100,
  nextToken?: string,
): { items: T[]; nextToken?: string } {
  if (!Number.isInteger(maxResults) || maxResults < 1 || maxResults > 100) {
    throw new AwsError('InvalidParameterException', 'maxResults must be between 1 and 100')
  }
  const start = nextToken === undefined ? 0 : Number(Buffer.from(nextToken, 'base64').toString('utf8'))
  if (!Number.isInteger(start)) throw new AwsError('InvalidParameterException', 'Invalid token in request')
  const end = start + maxResults
  const page = items.slice(start, end)
  return end < items.length ? { items: page, nextToken: Buffer.from(String(end)).toString('base64') } : { items: page }
}
