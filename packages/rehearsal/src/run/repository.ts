/** A repository as the rehearsal has it: a folder. */
export interface Repository {
  /** `owner/name` */
  readonly name: string
  /** folder that actions and workflows are read from */
  readonly root: string
  /** `refs/heads/main`, or what stands after the `@` */
  readonly ref: string
  readonly sha: string
}

/** How `uses:` of other repositories are found. */
export interface Repositories {
  /** the repository that is rehearsed */
  readonly own: Repository
  /** `owner/name`, or only `name` for any owner → folder */
  readonly others: Readonly<Record<string, string>>
}

export interface RemoteReference {
  readonly repository: Repository | undefined
  /** `owner/name` */
  readonly name: string
  /** inside the repository; empty for its root */
  readonly path: string
  readonly ref: string
}

/** `owner/name/path@ref`, resolved. @throws Error for anything else */
export function remoteReference(uses: string, { own, others }: Repositories): RemoteReference {
  const match = /^([^/@]+)\/([^/@]+)(?:\/([^@]*))?@(.+)$/.exec(uses)
  if (match === null) throw new Error(`'${uses}' is no reference of the form owner/repository/path@ref`)
  const [, owner = '', short = '', path = '', ref = ''] = match
  const name = `${owner}/${short}`
  const root = others[name] ?? others[short]
  const repository =
    name.toLowerCase() === own.name.toLowerCase()
      ? { ...own, ref }
      : root === undefined
        ? undefined
        : { name, root, ref, sha: own.sha }
  return { repository, name, path, ref }
}
