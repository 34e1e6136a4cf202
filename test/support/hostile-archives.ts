import { gzipSync } from 'node:zlib'
import {
  blob,
  digestOf,
  dockerSave,
  hexOf,
  layoutOf,
  type Member,
  noise,
  OCI_INDEX,
  ociImage,
  ociIndex,
  tarBytes,
} from './sample-archives.ts'

/** What is wrong with an archive, its members, and what the refusal says of it. */
export type Hostile = [what: string, members: readonly Member[], problem: RegExp]

const image = ociImage(['one', 'two'])
const layout = layoutOf(image.members, image.manifest)
const saved = dockerSave(['one', 'two'])
const platforms = [ociImage(['one']), ociImage(['two'], 'arm64')] as const

export function without(members: readonly Member[], name: string): Member[] {
  return members.filter(member => member.name !== name)
}

/** The same members, one of them with other bytes. */
export function changed(members: readonly Member[], name: string, content: string | Buffer): Member[] {
  return members.map(member => (member.name === name ? { ...member, content } : member))
}

/** A gzip of many members, which unpack one after the other. */
export function repeatedGzip(block: Buffer, times: number): Buffer {
  const packed = gzipSync(block)
  return Buffer.concat(Array.from({ length: times }, () => packed))
}

/** A layer of about a megabyte that unpacks to 1.2 GB of zeros. */
function bomb(): Buffer {
  return repeatedGzip(Buffer.alloc(10_000_000), 120)
}

/** An image layout whose one layer holds these bytes, in honest wrapping. */
export function layoutWith(layer: Buffer): Member[] {
  const one = ociImage([layer])
  return layoutOf(one.members, one.manifest)
}

function blobName(content: string): string {
  return `blobs/sha256/${hexOf(content)}`
}

/** Archives that are refused before a registry is asked anything. */
export const HOSTILE_ARCHIVES: readonly Hostile[] = [
  [
    'a member above the root',
    [{ name: '../evil', content: 'x' }, ...saved],
    /"\.\.\/evil" lies outside the archive's root/,
  ],
  ['a member that climbs out', [{ name: 'a/../../evil', content: 'x' }, ...saved], /outside the archive's root/],
  ['an absolute member', [{ name: '/etc/passwd', content: 'x' }, ...layout], /"\/etc\/passwd" lies outside/],
  [
    'a symbolic link to the outside',
    [{ name: 'a/link', type: '2', link: '../../etc/passwd' }, ...saved],
    /link "a\/link" points outside/,
  ],
  [
    'an absolute symbolic link',
    [{ name: 'link', type: '2', link: '/etc/passwd' }, ...layout],
    /link "link" points outside/,
  ],
  [
    'a layer that is a link to the outside',
    [...without(saved, 'layer1/layer.tar'), { name: 'layer1/layer.tar', type: '2', link: '/etc/passwd' }],
    /link "layer1\/layer.tar" points outside/,
  ],
  ['a hard link to the outside', [{ name: 'link', type: '1', link: '../x' }, ...saved], /points outside/],
  ['an absolute hard link', [{ name: 'link', type: '1', link: '/etc/passwd' }, ...layout], /points outside/],
  [
    'a claimed 10 GB',
    [...saved, { name: 'huge', content: 'x', size: 10_000_000_000 }],
    /ends early: "huge" has 10000000000 bytes by its header/,
  ],
  [
    'a manifest of a claimed 10 GB',
    [...without(saved, 'manifest.json'), { name: 'manifest.json', content: '[]', size: 10_000_000_000 }],
    /ends early: "manifest.json" has 10000000000 bytes by its header/,
  ],
  [
    'a layer of a claimed 10 GB',
    [{ ...blob(noise(100, 'huge')), size: 10_000_000_000 }, ...layout],
    /ends early: "blobs\/sha256\/\w+" has 10000000000 bytes by its header/,
  ],
  ['a bomb in an OCI layout', layoutWith(bomb()), /layer 1 of 1 \(\w+\) is a decompression bomb/],
  [
    'a bomb in a docker save',
    changed(dockerSave(['layer']), 'layer0/layer.tar', bomb()),
    /"layer0\/layer.tar" is a decompression bomb/,
  ],
  [
    'a manifest that was changed',
    changed(layout, blobName(image.manifest), image.manifest.replace('"schemaVersion":2', '"schemaVersion": 2')),
    /has the digest sha256/,
  ],
  [
    'a manifest whose size is not what the index says',
    changed(
      layout,
      'index.json',
      JSON.stringify({
        schemaVersion: 2,
        manifests: [
          { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: digestOf(image.manifest), size: 7 },
        ],
      }),
    ),
    /where the index says 7/,
  ],
  [
    'a manifest of another kind than the index says',
    layoutOf(image.members, image.manifest, OCI_INDEX),
    /says it is .*manifest.*where .*index.* was announced/,
  ],
  [
    "another manifest under a platform's digest",
    changed(
      layoutOf(
        [...platforms.flatMap(({ members }) => members), blob(ociIndex(platforms))],
        ociIndex(platforms),
        OCI_INDEX,
      ),
      blobName(platforms[1].manifest),
      platforms[0].manifest,
    ),
    /has the digest sha256/,
  ],
  ['a blob of another size', changed(layout, blobName('two'), 'twofold'), /has 7 bytes, where the manifest says 3/],
]

/** Archives whose layers turn out to be others while they are sent: nothing is committed and nothing tagged. */
export const DAMAGED_ARCHIVES: readonly Hostile[] = [
  [
    'a layer of a docker save with another digest',
    changed(saved, 'layer1/layer.tar', 'six'),
    new RegExp(`layer 2 of 2[\\s\\S]*its digest is ${digestOf('six')}`),
  ],
  [
    'a layer of an OCI layout with another digest',
    changed(layout, blobName('two'), 'six'),
    new RegExp(`layer 2 of 2[\\s\\S]*its digest is ${digestOf('six')}`),
  ],
  [
    'a config of an OCI layout with another digest',
    changed(layout, blobName(image.config), image.config.replace('amd64', 'sh4eb')),
    /config \(\w+\)[\s\S]*its digest is sha256/,
  ],
]

/** Archives that end too early, cut at many places. */
export function cutArchives(): [what: string, bytes: Buffer][] {
  const layers = [noise(3000, 'a'), noise(3000, 'b')]
  const packed = ociImage(layers)
  const forms: [string, Buffer][] = [
    ['docker save', tarBytes(dockerSave(layers))],
    ['OCI layout', tarBytes(layoutOf(packed.members, packed.manifest))],
  ]
  return forms.flatMap(([form, whole]): [string, Buffer][] => {
    // A tar ends with two empty blocks.
    const end = whole.length - 1024
    const places: [string, number][] = [
      ['to nothing', 0],
      ['in the first header', 300],
      ['in a member', Math.floor(end / 2)],
      ['in the last header', Math.floor((end - 1) / 512) * 512 - 200],
      ['in the last member', end - 500],
    ]
    return places.map(([place, bytes]) => [`a ${form} cut ${place}`, whole.subarray(0, bytes)])
  })
}
