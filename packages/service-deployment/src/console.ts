import { consoleHost, inAddress } from '@aws-deploy-actions/aws-clients'

/** The console page of a service's deployments. */
export function serviceConsoleUrl(region: string, cluster: string, service: string): string {
  const name = cluster.slice(cluster.lastIndexOf('/') + 1)
  const path = `clusters/${inAddress(name)}/services/${inAddress(service)}/deployments`
  return `https://${consoleHost(region)}/ecs/v2/${path}?region=${region}`
}
