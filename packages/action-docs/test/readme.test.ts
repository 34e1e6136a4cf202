import { describe, expect, test } from '@jest/globals'
import { firstYamlBlock, withTables } from '../src/index.ts'

const MARKED =
  '# A\n\n<!-- inputs:start -->\nold\n<!-- inputs:end -->\n\n<!-- outputs:start -->\n<!-- outputs:end -->\n\nEnd.\n'
const METADATA = {
  inputs: [{ name: 'in', description: 'In.', required: false, default: undefined }],
  outputs: [{ name: 'out', description: '$& and $1.' }],
}

describe('tables between markers', () => {
  test('are replaced, and nothing else is', () => {
    const text = withTables(MARKED, METADATA)
    expect(text).toMatch(/^# A\n\n<!-- inputs:start -->\n\| Input/)
    expect(text).not.toContain('old')
    expect(text).toContain('| `in`  |')
    expect(text).toContain('$& and $1.')
    expect(text.endsWith('<!-- outputs:end -->\n\nEnd.\n')).toBe(true)
  })

  test('are the same the second time', () => {
    const once = withTables(MARKED, METADATA)
    expect(withTables(once, METADATA)).toBe(once)
  })

  test.each(['inputs:start', 'inputs:end', 'outputs:start', 'outputs:end'])('need <!-- %s -->', marker => {
    expect(() => withTables(MARKED.replace(`<!-- ${marker} -->`, ''), METADATA)).toThrow(`<!-- ${marker} -->`)
  })
})

describe('the first YAML block', () => {
  test('with its fences, whatever comes before and after', () => {
    const text = '```sh\nls\n```\n\n```yaml\na: 1\n```\n\n```yaml\nb: 2\n```\n'
    expect(firstYamlBlock(text)).toBe('```yaml\na: 1\n```')
  })

  test('none', () => {
    expect(firstYamlBlock('# A\n\n```json\n{}\n```\n')).toBeUndefined()
  })
})
