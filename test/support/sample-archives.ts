import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'

/** One member of a tar, honest or not. */
export interface Member {
  readonly name: string
  readonly content?: string | Buffer
  /** what the header says; default: the truth */
  readonly size?: number
  /** POSIX type flag: 0 file, 1 link, 2 symlink, 3 character device, 5 folder, 6 fifo */
  readonly type?: string
  readonly link?: string
}

/** A tar as bytes, header by header, so that it can lie. */
export function tarBytes(members: readonly Member[]): Buffer {
  const parts: Buffer[] = []
  for (const { name, content = '', size, type = '0', link = '' } of members) {
    const bytes = Buffer.from(content)
    const header = Buffer.alloc(512)
    header.write(name, 0, 100)
    header.write('0000644\0', 100)
    header.write('0000000\0', 108)
    header.write('0000000\0', 116)
    writeSize(header, size ?? bytes.length)
    header.write('00000000000 ', 136)
    header.write('        ', 148)
    header.write(type, 156)
    header.write(link, 157, 100)
    header.write('ustar\u000000', 257)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
    parts.push(header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512))
  }
  return Buffer.concat([...parts, Buffer.alloc(1024)])
}

/** Octal up to 8 GiB, beyond as GNU tar writes it: binary, marked by the first bit. */
function writeSize(header: Buffer, size: number): void {
  if (size < 8 ** 11) header.write(`${size.toString(8).padStart(11, '0')} `, 124)
  else {
    header.writeUInt8(0x80, 124)
    header.writeBigUInt64BE(BigInt(size), 128)
  }
}

export function writeTar(path: string, members: readonly Member[]): string {
  writeFileSync(path, tarBytes(members))
  return path
}

export function digestOf(content: string | Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`
}

export function hexOf(content: string | Buffer): string {
  return digestOf(content).slice('sha256:'.length)
}

/** Bytes that are the same in every run and do not compress. */
export function noise(bytes: number, seed: string): Buffer {
  const parts: Buffer[] = []
  for (let index = 0; index * 32 < bytes; index++) parts.push(createHash('sha256').update(`${seed}${index}`).digest())
  return Buffer.concat(parts).subarray(0, bytes)
}

export function imageConfig(layers: readonly (string | Buffer)[]): string {
  return JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    config: { Env: ['A=b'] },
    rootfs: { type: 'layers', diff_ids: layers.map(digestOf) },
  })
}

/** What `docker save` wrote before version 25. */
export function dockerSave(
  layers: readonly (string | Buffer)[],
  changes: Partial<Record<'config' | 'manifest', string>> = {},
): Member[] {
  const config = changes.config ?? imageConfig(layers)
  const manifest = [
    {
      Config: `${hexOf(config)}.json`,
      RepoTags: ['app:1'],
      Layers: layers.map((_, index) => `layer${index}/layer.tar`),
    },
  ]
  return [
    ...layers.flatMap((content, index) => [
      { name: `layer${index}/`, type: '5' },
      { name: `layer${index}/layer.tar`, content },
    ]),
    { name: `${hexOf(config)}.json`, content: config },
    { name: 'manifest.json', content: changes.manifest ?? JSON.stringify(manifest) },
  ]
}

export interface LayoutImage {
  readonly members: Member[]
  readonly manifest: string
  readonly config: string
}

const OCI = 'application/vnd.oci.image'
export const OCI_INDEX = `${OCI}.index.v1+json`

/** The blobs of an image, as they lie in an OCI layout. */
export function ociImage(layers: readonly (string | Buffer)[], architecture = 'amd64'): LayoutImage {
  const config = imageConfig(layers).replace('amd64', architecture)
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: `${OCI}.manifest.v1+json`,
    config: { mediaType: `${OCI}.config.v1+json`, digest: digestOf(config), size: Buffer.byteLength(config) },
    layers: layers.map(layer => ({
      mediaType: `${OCI}.layer.v1.tar`,
      digest: digestOf(layer),
      size: Buffer.byteLength(layer),
    })),
  })
  return { members: [manifest, config, ...layers].map(blob), manifest, config }
}

export function blob(content: string | Buffer): Member {
  return { name: `blobs/sha256/${hexOf(content)}`, content }
}

export function layoutOf(members: readonly Member[], root: string, type = `${OCI}.manifest.v1+json`): Member[] {
  const index = { schemaVersion: 2, manifests: [{ mediaType: type, digest: digestOf(root), size: root.length }] }
  return [
    ...members,
    { name: 'index.json', content: JSON.stringify(index) },
    { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
  ]
}

/** An index over images for several platforms. */
export function ociIndex(images: readonly LayoutImage[]): string {
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: images.map(({ manifest }, index) => ({
      mediaType: `${OCI}.manifest.v1+json`,
      digest: digestOf(manifest),
      size: manifest.length,
      platform: { os: 'linux', architecture: index === 0 ? 'amd64' : 'arm64' },
    })),
  })
}
