import { parse } from 'yaml'

/** YAML as JSON, which is YAML too. Aliases are resolved, types and texts stay what they are. */
export function onOneLine(yaml: string): string {
  return JSON.stringify(parse(yaml, { uniqueKeys: false, maxAliasCount: -1 }))
}
