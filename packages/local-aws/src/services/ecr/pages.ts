import { AwsError } from '../../service.ts'

/** DescribeRepositories, DescribeImages and ListImages return up to 100 results unless asked otherwise, at most 1000. */
const defaultPage = 100

/**
 * One page of a list. The token holds the place in the list, so a list that shrinks in between may skip entries, as
 * AWS's does.
 * @throws AwsError InvalidParameterException for a token that is not ours
 */
export function pageOf<Item>(
  items: readonly Item[],
  input: { readonly nextToken?: string | undefined; readonly maxResults?: number | undefined },
): { readonly page: Item[]; readonly nextToken?: string } {
  const start = input.nextToken === undefined ? 0 : Number(Buffer.from(input.nextToken, 'base64').toString('utf8'))
  if (!Number.isInteger(start) || start < 0) {
    throw new AwsError(
      'InvalidParameterException',
      "Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid token'",
    )
  }
  const end = start + Math.min(input.maxResults ?? defaultPage, 1000)
  const page = items.slice(start, end)
  return end < items.length ? { page, nextToken: Buffer.from(String(end)).toString('base64') } : { page }
}
