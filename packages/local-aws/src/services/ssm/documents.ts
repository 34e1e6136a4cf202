import { AwsError } from '../../service.ts'

/** What a run of AWS-RunShellScript is told. */
export interface ShellScriptParameters {
  readonly commands: readonly string[]
  readonly workingDirectory: string
  readonly executionTimeout: number
}

/**
 * Parameters of AWS-RunShellScript, as `aws ssm describe-document` and `get-document` show them: `commands` (StringList,
 * at least one), `workingDirectory` (String, at most 4,096 characters), `executionTimeout` (String, default 3600).
 */
const known = ['commands', 'workingDirectory', 'executionTimeout']
const EXECUTION_TIMEOUT = /^(([1-9][0-9]{0,4})|(1[0-6][0-9]{4})|(17[0-1][0-9]{3})|(172[0-7][0-9]{2})|(172800))$/
/** agent/plugins/pluginutil/pluginutil.go: what is below five seconds counts as the default */
const LEAST_TIMEOUT = 5
const DEFAULT_TIMEOUT = 3600

/** "The size limit of a document is 64 KB" (MaxDocumentSizeExceeded); parameters are written into the document */
const DOCUMENT_BYTES = 64 * 1024

/**
 * AWS-owned documents have no account in their ARN.
 * https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
 */
export function documentArn(region: string, accountId: string, name: string): string {
  if (name.startsWith('arn:')) return name
  return `arn:aws:ssm:${region}:${name.startsWith('AWS-') ? '' : accountId}:document/${name}`
}

/**
 * @throws AwsError InvalidDocument, InvalidDocumentVersion, InvalidParameters, MaxDocumentSizeExceeded; the error codes
 *   are the API reference's, AWS's texts for them are not known
 */
export function shellScriptParameters(
  documentName: string,
  version: string | undefined,
  parameters: Readonly<Record<string, readonly string[]>> = {},
): ShellScriptParameters {
  if (documentName.replace(/^arn:.*:document\//, '') !== 'AWS-RunShellScript')
    throw new AwsError('InvalidDocument', `Document with name ${documentName} does not exist.`)
  if (version !== undefined && !['$DEFAULT', '$LATEST', '1'].includes(version))
    throw new AwsError('InvalidDocumentVersion', `The document version ${version} does not exist.`)
  const wrong = (text: string) => new AwsError('InvalidParameters', text)
  const unknown = Object.keys(parameters).filter(name => !known.includes(name))
  if (unknown.length > 0) throw wrong(`document AWS-RunShellScript does not support parameters. ${unknown.join(', ')}`)
  const { commands = [], workingDirectory = [''], executionTimeout = [String(DEFAULT_TIMEOUT)] } = parameters
  if (commands.length === 0) throw wrong('Parameter commands is required')
  const [directory = '', ...moreDirectories] = workingDirectory
  const [timeout = '', ...moreTimeouts] = executionTimeout
  if (moreDirectories.length > 0 || moreTimeouts.length > 0)
    throw wrong('Parameters workingDirectory and executionTimeout take one value')
  if (directory.length > 4_096) throw wrong('workingDirectory must have at most 4096 characters')
  if (!EXECUTION_TIMEOUT.test(timeout)) throw wrong(`executionTimeout ${timeout} does not match the allowed pattern`)
  if (Buffer.byteLength(JSON.stringify(parameters)) > DOCUMENT_BYTES)
    throw new AwsError('MaxDocumentSizeExceeded', 'The size limit of a document is 64 KB.')
  const seconds = Number(timeout)
  return {
    commands,
    workingDirectory: directory,
    executionTimeout: seconds < LEAST_TIMEOUT ? DEFAULT_TIMEOUT : seconds,
  }
}
