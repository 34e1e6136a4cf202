import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { CreateRepositoryCommand, ECRClient, GetAuthorizationTokenCommand } from '@aws-sdk/client-ecr'
import { type Pack, pack } from 'tar-stream'

/** Files of an image: path → content, or a symbolic link, or a directory. */
export type Files = Readonly<
  Record<string, string | Buffer | { readonly link: string } | { readonly content: string; readonly mode: number }>
>

export interface ImageRecipe {
  readonly files?: Files
  /** further layers over the first */
  readonly layers?: readonly Files[]
  readonly command?: readonly string[]
  readonly entryPoint?: readonly string[]
  readonly environment?: readonly string[]
  readonly workingDirectory?: string
  readonly ports?: readonly number[]
  readonly architecture?: string
}

/** One blob or manifest as it is pushed. */
export interface Part {
  readonly bytes: Buffer
  readonly digest: string
}

export function part(content: Buffer | string): Part {
  const bytes = Buffer.from(content)
  return { bytes, digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}` }
}

export async function tarOf(files: Files): Promise<Buffer> {
  const tar = pack()
  for (const [name, file] of Object.entries(files)) {
    if (typeof file === 'string' || Buffer.isBuffer(file)) tar.entry({ name, mode: 0o755 }, file)
    else if ('link' in file) tar.entry({ name, type: 'symlink', linkname: file.link })
    else tar.entry({ name, mode: file.mode }, file.content)
  }
  tar.finalize()
  return await tarBytes(tar)
}

export async function tarBytes(tar: Pack): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of Readable.from(tar)) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

export const ociArchitecture = process.arch === 'x64' ? 'amd64' : process.arch

/** Manifest, config and layers of a recipe. */
export async function built(recipe: ImageRecipe): Promise<{ manifest: Part; blobs: Part[] }> {
  const tars = await Promise.all([recipe.files ?? {}, ...(recipe.layers ?? [])].map(tarOf))
  const layers = tars.map(tar => part(gzipSync(tar)))
  const config = part(
    JSON.stringify({
      os: 'linux',
      architecture: recipe.architecture ?? ociArchitecture,
      config: {
        Cmd: recipe.command,
        Entrypoint: recipe.entryPoint,
        Env: recipe.environment,
        WorkingDir: recipe.workingDirectory,
        ExposedPorts: recipe.ports ? Object.fromEntries(recipe.ports.map(port => [`${port}/tcp`, {}])) : undefined,
      },
      rootfs: { type: 'layers', diff_ids: tars.map(tar => part(tar).digest) },
    }),
  )
  const manifest = part(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        digest: config.digest,
        size: config.bytes.length,
      },
      layers: layers.map(({ bytes, digest }) => ({
        mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
        digest,
        size: bytes.length,
      })),
    }),
  )
  return { manifest, blobs: [config, ...layers] }
}

/** Creates the repository where needed and pushes the image through the registry's own protocol. */
export async function pushImage(
  aws: { readonly environment: () => Record<string, string>; readonly registryAddress: string },
  name: string,
  recipe: ImageRecipe,
  tag = 'latest',
): Promise<string> {
  const { manifest, blobs } = await built(recipe)
  const push = await pusher(aws, name)
  for (const blob of blobs) await push.blob(blob)
  await push.manifest(manifest, tag, 'application/vnd.oci.image.manifest.v1+json')
  return `${aws.registryAddress}/${name}:${tag}`
}

export async function pusher(
  aws: { readonly environment: () => Record<string, string>; readonly registryAddress: string },
  name: string,
) {
  const { AWS_ENDPOINT_URL: endpoint = '', AWS_REGION: region = '' } = aws.environment()
  const ecr = new ECRClient({
    endpoint,
    region,
    credentials: { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'x' },
  })
  await ecr.send(new CreateRepositoryCommand({ repositoryName: name })).catch((error: unknown) => {
    if (!(error instanceof Error && error.name === 'RepositoryAlreadyExistsException')) throw error
  })
  const { authorizationData } = await ecr.send(new GetAuthorizationTokenCommand({}))
  ecr.destroy()
  const authorization = `Basic ${authorizationData?.[0]?.authorizationToken ?? ''}`
  const base = `http://${aws.registryAddress}/v2/${name}`
  async function ok(response: Response): Promise<Response> {
    if (!response.ok) throw new Error(`${response.status} ${response.url}: ${await response.text()}`)
    return response
  }
  return {
    async blob({ bytes, digest }: Part) {
      const begun = await ok(await fetch(`${base}/blobs/uploads/`, { method: 'POST', headers: { authorization } }))
      const location = new URL(begun.headers.get('location') ?? '', base)
      location.searchParams.set('digest', digest)
      await ok(await fetch(location, { method: 'PUT', headers: { authorization }, body: bytes }))
    },
    async manifest({ bytes }: Part, tag: string, mediaType: string) {
      await ok(
        await fetch(`${base}/manifests/${tag}`, {
          method: 'PUT',
          headers: { authorization, 'content-type': mediaType },
          body: bytes,
        }),
      )
    },
  }
}
