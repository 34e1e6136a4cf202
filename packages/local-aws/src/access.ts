import { checkPolicy, decide, deniedText, type PolicyDocument } from './policy.ts'
import { AwsError, type Need } from './service.ts'

/** Who asks, and what they may do. */
export interface Access {
  /** ARN of the one identity that all requests are taken for */
  readonly caller: string
  setPolicy(document: PolicyDocument | undefined): void
  /**
   * @param onDenied told the first need that is not allowed
   * @throws AwsError AccessDeniedException
   */
  check(needs: readonly Need[], caller: string, onDenied: (need: Need) => void): void
}

/** Everything is allowed until a policy is set. */
export function access(accountId: string): Access {
  let policy: PolicyDocument | undefined
  return {
    caller: `arn:aws:sts::${accountId}:assumed-role/local/deploy`,
    setPolicy(document) {
      if (document) checkPolicy(document)
      policy = document
    },
    check(needs, caller, onDenied) {
      if (!policy) return
      for (const need of needs) {
        const decision = decide(policy, need)
        if (decision === 'allow') continue
        onDenied(need)
        throw new AwsError('AccessDeniedException', deniedText(caller, need, decision))
      }
    },
  }
}
