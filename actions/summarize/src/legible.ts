import { stripVTControlCharacters } from 'node:util'

// Bidirectional controls let a text run backwards over what stands beside it (Unicode Technical Report 36, 2.10); other
// control characters show as nothing. Line breaks and tabs are dealt with where the text is set.
const HIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** Outside text without colours and other terminal sequences; what is hidden in it is written out, e.g. `\u202e`. */
export function legible(text: string): string {
  return stripVTControlCharacters(text).replace(
    HIDDEN,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** The text in at most so many characters; never half of a surrogate pair. */
export function cutText(text: string, characters: number): string {
  if (text.length <= characters) return text
  return `${text.slice(0, characters - 1).replace(/[\ud800-\udbff]$/, '')}…`
}
