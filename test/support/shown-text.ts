/** The text that a reader of a job summary sees: without markup, escapes resolved. */
export function shownText(markdown: string): string {
  return markdown
    .replace(/<\/?(?:code|details|summary|br)[^>]*>/g, '')
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replace(/\u200b/g, '')
}
