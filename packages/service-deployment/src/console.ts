/** The console page of a service's deployments. */
export function serviceConsoleUrl(region: string, cluster: string, service: string): string {
  const name = cluster.slice(cluster.lastIndexOf('/') + 1)
  const path = `clusters/${encodeURIComponent(name)}/services/${encodeURIComponent(service)}/deployments`
  return `https://${consoleHost(region)}/ecs/v2/${path}?region=${region}`
}

// AWS General Reference, "AWS partitions".
function consoleHost(region: string): string {
  if (region.startsWith('cn-')) return `${region}.console.amazonaws.cn`
  if (region.startsWith('us-gov-')) return `${region}.console.amazonaws-us-gov.com`
  return `${region}.console.aws.amazon.com`
}
