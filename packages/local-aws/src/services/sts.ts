import type { GetCallerIdentityCommandInput, GetCallerIdentityCommandOutput } from '@aws-sdk/client-sts'
import * as sts from '@aws-sdk/client-sts'
import { operation, type Service } from '../service.ts'

/** STS as far as it tells who is asking. */
export const stsService: Service = {
  name: 'sts',
  model: sts,
  protocol: { kind: 'query', version: '2011-06-15' },
  operations: {
    GetCallerIdentity: operation<GetCallerIdentityCommandInput, GetCallerIdentityCommandOutput>({
      // "No permissions are required to perform this operation", not even without an explicit deny
      needs: () => [],
      run: (_input, { accountId, caller }) => ({
        Account: accountId,
        Arn: caller,
        UserId: `AROALOCALAWSEXAMPLE00:${caller.split('/').at(-1)}`,
      }),
    }),
  },
}
