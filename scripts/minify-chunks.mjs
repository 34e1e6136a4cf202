// Minifies the chunks that ncc leaves as they are: `<id>.index.js` beside index.js, in the folder and its post/.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { minify } from '@swc/core'

const [dist] = process.argv.slice(2)
for (const folder of [dist, join(dist, 'post')].filter(existsSync)) {
  for (const name of readdirSync(folder).filter(entry => /^\d+\.index\.js$/.test(entry))) {
    const file = join(folder, name)
    const { code } = await minify(readFileSync(file, 'utf8'), { module: true, compress: true, mangle: true })
    writeFileSync(file, code)
  }
}
