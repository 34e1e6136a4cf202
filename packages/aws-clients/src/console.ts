/** The host of the AWS console in a region (AWS General Reference, "AWS partitions"). */
export function consoleHost(region: string): string {
  if (region.startsWith('cn-')) return `${region}.console.amazonaws.cn`
  if (region.startsWith('us-gov-')) return `${region}.console.amazonaws-us-gov.com`
  return `${region}.console.aws.amazon.com`
}

/** A name inside an address; encodeURIComponent leaves parentheses, which end a link in markdown. */
export function inAddress(name: string): string {
  return encodeURIComponent(name).replace(/[()]/g, character => `%${character.charCodeAt(0).toString(16)}`)
}
