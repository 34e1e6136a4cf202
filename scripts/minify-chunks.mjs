// Minifies what ncc leaves as it is (the chunks `<id>.index.js`), and writes all of a bundle in ASCII, which V8 keeps and
// compiles in half the memory and time of a text with a single character beyond Latin-1. In dist/ and its post/.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { minify } from '@swc/core'

const [dist] = process.argv.slice(2)
for (const folder of [dist, join(dist, 'post')].filter(existsSync)) {
  for (const name of readdirSync(folder).filter(entry => entry.endsWith('index.js'))) {
    const file = join(folder, name)
    const { code } = await minify(readFileSync(file, 'utf8'), {
      module: true,
      compress: true,
      mangle: true,
      format: { asciiOnly: true },
    })
    writeFileSync(file, code)
  }
}
