const PRIVATE_ADDRESS = /^(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)\/([^:@]+)/

/**
 * The ARN of the private ECR repository that an address leads to (Service Authorization Reference, "Resource types defined
 * by Amazon ECR"). Undefined for all others: the address of a public repository does not tell its account.
 */
export function arnOfAddress(address: string): string | undefined {
  const [, account, region = '', name] = PRIVATE_ADDRESS.exec(address) ?? []
  if (account === undefined || name === undefined) return undefined
  return `arn:${partitionOf(region)}:ecr:${region}:${account}:repository/${name}`
}

function partitionOf(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn'
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
}
