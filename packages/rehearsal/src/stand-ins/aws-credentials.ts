import type { StandIn } from './stand-in.ts'

/** aws-actions/configure-aws-credentials: the local AWS knows one account, and no role. */
export const configureAwsCredentials: StandIn = {
  instead: 'hands out example credentials for the local AWS',
  run: ({ input, job, environment, log, output, exportVariable }) => {
    const region = input('aws-region')
    if (region === '') throw new Error('Input required and not supplied: aws-region')
    const role = input('role-to-assume')
    const keys = input('aws-access-key-id') !== '' || environment['AWS_ACCESS_KEY_ID'] !== undefined
    // Without the permission there is no token to exchange (aws-actions/configure-aws-credentials, README: OIDC).
    if (!keys && job.permissions['id-token'] !== 'write')
      throw new Error(
        `Credentials could not be loaded, please check your action inputs: the job has no permission 'id-token: write', so GitHub gives it no token${role === '' ? '' : ` for ${role}`}`,
      )
    if (!keys && role === '')
      throw new Error('Could not determine how to assume credentials. Please check your inputs and try again.')
    const { credentials } = job.settings
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) {
      const value = credentials[name]
      if (value === undefined) continue
      job.masks.add(value)
      exportVariable(name, value)
    }
    exportVariable('AWS_REGION', region)
    exportVariable('AWS_DEFAULT_REGION', region)
    const account = /^arn:aws[^:]*:iam::(\d{12}):/.exec(role)?.[1] ?? credentials['AWS_ACCOUNT_ID'] ?? '123456789012'
    if (input('mask-aws-account-id') === 'true') job.masks.add(account)
    output('aws-account-id', account)
    log.write(role === '' ? `Region ${region}` : `As if ${role} had been assumed, in ${region}`)
  },
}
