import type { Log } from '@aws-deploy-actions/action-runtime'

/** Notices about what may not be read: it is asked for several times in a step, and one of them is enough. */
export const DIGESTS_UNKNOWN = 'Running digests are not known'
export const DEPLOYMENTS_UNREAD = 'Service deployments cannot be read'

/** The log, with the notices of each of these titles shown the first time only. */
export function withNoticesOnce(log: Log, titles: readonly string[] = [DIGESTS_UNKNOWN, DEPLOYMENTS_UNREAD]): Log {
  const open = new Set(titles)
  const once = new Set(titles)
  return {
    ...log,
    notice: (title, text) => {
      if (open.delete(title) || !once.has(title)) log.notice(title, text)
    },
  }
}
