import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { deployScript, fakeDockerTools } from '../../../test/support/deploy-script.ts'

const LAYER_KIB = 256
const KEEP = 2

test('100 deploys in a row take the disk of what runs and of so many former releases', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hundred-'))
  try {
    const directory = join(folder, 'shop')
    await mkdir(directory)
    const docker = join(folder, 'docker')
    const state = join(folder, '.shop.deploy')
    const environment = {
      FAKE_DOCKER: docker,
      FAKE_LAYER_KIB: String(LAYER_KIB),
      PATH: `${await fakeDockerTools(folder)}:${process.env.PATH}`,
    }
    const layers: number[] = []
    const records: number[] = []
    for (let number = 1; number <= 100; number++) {
      const env = new Map([['TAG', `v${number}`]])
      const result = await deployScript({ directory, env, keepReleases: KEEP }, environment)
      expect(result?.status).toBe('deployed')
      layers.push(await bytesOf(docker, name => name.startsWith('layer.')))
      records.push(await bytesOf(join(state, 'releases')))
    }
    const full = (KEEP + 1) * LAYER_KIB * 1024
    expect(layers).toEqual([full / 3, (full / 3) * 2, ...Array.from({ length: 98 }, () => full)])
    // The names of tags are a digit longer in the end.
    expect(Math.max(...records)).toBeLessThan((records[2] ?? 0) + 100)
    const images = (await readdir(docker)).filter(name => name.startsWith('image.'))
    expect(images.toSorted()).toEqual(['image.v100', 'image.v98', 'image.v99'])
    expect(await readdir(join(docker, 'kept'))).toHaveLength(3)
    expect(await readdir(join(state, 'releases'))).toEqual(['000098', '000099'])
    expect((await readFile(join(state, 'deploys.log'), 'utf8')).trim().split('\n')).toHaveLength(100)
    expect((await readdir(state)).toSorted()).toEqual(['deploys.log', 'lock.guard', 'log', 'releases'])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}, 400_000)

/** What the files in a folder, at any depth, hold (bytes). */
async function bytesOf(folder: string, counts: (name: string) => boolean = () => true): Promise<number> {
  let sum = 0
  for (const name of await readdir(folder, { recursive: true })) {
    const file = await stat(join(folder, name))
    if (file.isFile() && counts(name)) sum += file.size
  }
  return sum
}
