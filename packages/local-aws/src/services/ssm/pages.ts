import { AwsError } from '../../service.ts'

/**
 * One page of results.
 * @throws AwsError InvalidNextToken
 */
export function page<Item>(
  items: readonly Item[],
  size: number,
  token: string | undefined,
): { items: Item[]; nextToken?: string } {
  const start = token === undefined || token === '' ? 0 : Number(Buffer.from(token, 'base64').toString('utf8'))
  if (!Number.isInteger(start)) throw new AwsError('InvalidNextToken', 'The specified token is not valid.')
  const end = start + size
  const part = items.slice(start, end)
  return end < items.length ? { items: part, nextToken: Buffer.from(String(end)).toString('base64') } : { items: part }
}
