import { createReadStream } from 'node:fs'
import { parser, type QualifiedTag, type Tag } from 'sax'

/** What a reader of one kind of XML wants to know; names and values as they are written. */
export interface XmlReader {
  opened(name: string, attribute: (name: string) => string | undefined): void
  closed?(name: string): void
  text?(text: string): void
}

/**
 * Reads an XML file in flat memory. Entities of its own (`<!ENTITY …>`) are errors, never expanded; external ones are
 * never fetched.
 * @throws an Error with the parser's words and the line, when the file is not well-formed
 */
export async function readXml(path: string, reader: XmlReader): Promise<void> {
  const sax = parser(true, { trim: false })
  let failure: Error | undefined
  sax.onerror = error => {
    // Its own line number begins at 0.
    failure ??= new Error(`${error.message.split('\n')[0]} in line ${sax.line + 1}`)
  }
  sax.onopentag = tag => reader.opened(tag.name, name => attributeOf(tag, name))
  sax.onclosetag = name => reader.closed?.(name)
  sax.ontext = text => reader.text?.(text)
  sax.oncdata = text => reader.text?.(text)
  for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 256 * 1024 })) {
    sax.write(String(chunk))
    if (failure !== undefined) throw failure
  }
  sax.close()
  if (failure !== undefined) throw failure
}

function attributeOf(tag: Tag | QualifiedTag, name: string): string | undefined {
  if (!Object.hasOwn(tag.attributes, name)) return undefined
  const value = tag.attributes[name]
  return typeof value === 'string' ? value : value?.value
}
