import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { deployScript, fakeDockerTools } from '../../../test/support/deploy-script.ts'

test('100 deploys in a row leave the images and records of so many former releases', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hundred-'))
  try {
    const directory = join(folder, 'shop')
    await mkdir(directory)
    const docker = join(folder, 'docker')
    const environment = { FAKE_DOCKER: docker, PATH: `${await fakeDockerTools(folder)}:${process.env.PATH}` }
    for (let number = 1; number <= 100; number++) {
      const env = new Map([['TAG', `v${number}`]])
      const result = await deployScript({ directory, env, keepReleases: 2 }, environment)
      expect(result?.status).toBe('deployed')
    }
    const images = (await readdir(docker)).filter(name => name.startsWith('image.'))
    expect(images.toSorted()).toEqual(['image.v100', 'image.v98', 'image.v99'])
    expect(await readdir(join(docker, 'kept'))).toHaveLength(3)
    const state = join(folder, '.shop.deploy')
    expect(await readdir(join(state, 'releases'))).toEqual(['000098', '000099'])
    expect((await readFile(join(state, 'deploys.log'), 'utf8')).trim().split('\n')).toHaveLength(100)
    expect((await readdir(state)).toSorted()).toEqual(['deploys.log', 'lock.guard', 'log', 'releases'])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}, 400_000)
