import type { FoundFile } from './files.ts'
import { legible } from './legible.ts'

/** Larger than any report of tests or coverage; what is larger is another kind of file. */
const LARGEST_BYTES = 256 * 1024 * 1024

/** Every file through `read`; one that cannot be read is named with the reason, and skipped. */
export async function readEach<Value>(
  files: readonly FoundFile[],
  read: (file: FoundFile) => Promise<Value>,
): Promise<{ readonly values: readonly Value[]; readonly problems: readonly string[] }> {
  const values: Value[] = []
  const problems: string[] = []
  for (const file of files) {
    try {
      if (file.bytes > LARGEST_BYTES) throw new Error(`it has ${file.bytes} bytes, more than any such report`)
      values.push(await read(file))
    } catch (error) {
      problems.push(legible(`${file.name}: ${error instanceof Error ? error.message : error}`))
    }
  }
  return { values, problems }
}
