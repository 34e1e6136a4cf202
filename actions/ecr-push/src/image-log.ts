import type { Log } from '@aws-deploy-actions/action-runtime'

/**
 * The log of one of several images that are worked on at the same time: every line begins with the image's name. Groups
 * cannot be folded then, as the lines of all images come in between; their titles are lines.
 */
export function imageLog(log: Log, name: string): Log {
  const info = (text: string): void =>
    log.info(
      text
        .split('\n')
        .map(line => `${name} | ${line}`)
        .join('\n'),
    )
  return {
    ...log,
    info,
    outside: (prefix, entries) => log.outside(`${name} | ${prefix}`, entries),
    debug: text => log.debug(`${name} | ${text}`),
    notice: (title, text) => log.notice(title, `${name}: ${text}`),
    warning: (title, text) => log.warning(title, `${name}: ${text}`),
    error: (title, text) => log.error(title, `${name}: ${text}`),
    group: (title, body) => {
      info(`— ${title}`)
      return body()
    },
  }
}
