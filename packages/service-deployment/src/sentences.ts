/** Sentences, one after the other; those that are not there are left out. */
export function sentences(...parts: readonly (string | undefined)[]): string {
  return parts.filter(part => part !== undefined && part !== '').join(' ')
}
