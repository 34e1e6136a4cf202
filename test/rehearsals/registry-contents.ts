import type { LocalAws } from '@aws-deploy-actions/local-aws'
import { ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr'

/** Labels of an image in the local private registry. @param digest of its manifest */
export async function labelsOf(
  aws: LocalAws,
  repository: string,
  digest: string,
): Promise<Readonly<Record<string, string>>> {
  const { AWS_ENDPOINT_URL: endpoint = '', AWS_REGION: region = '' } = aws.environment()
  const ecr = new ECRClient({
    endpoint,
    region,
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' },
  })
  const { authorizationData } = await ecr.send(new GetAuthorizationTokenCommand({}))
  ecr.destroy()
  const authorization = `Basic ${authorizationData?.[0]?.authorizationToken ?? ''}`
  const read = async (path: string, accept: string) => {
    const address = `http://${aws.registryAddress}/v2/${repository}/${path}`
    const response = await fetch(address, { headers: { authorization, accept } })
    if (!response.ok) throw new Error(`${response.status} ${path}: ${await response.text()}`)
    return Object(await response.json())
  }
  const types = ['vnd.oci.image.manifest.v1', 'vnd.docker.distribution.manifest.v2']
  const manifest = await read(`manifests/${digest}`, types.map(type => `application/${type}+json`).join(', '))
  const { config } = await read(`blobs/${Object(manifest.config).digest}`, '*/*')
  return Object(Object(config).Labels)
}
