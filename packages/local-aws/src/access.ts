import { checkPolicy, decide, deniedText, type PolicyDocument } from './policy.ts'
import { AwsError, type Need } from './service.ts'

/** Who asks, and what they may do. */
export interface Access {
  /** ARN of the identity that requests are taken for, whatever their access key, unless that is a host's */
  readonly caller: string
  /** ARN of who uses an access key */
  callerOf(accessKeyId: string): string
  /** the policy of `caller` */
  setPolicy(document: PolicyDocument | undefined): void
  /** a role of its own, which the policy of `caller` does not concern: it may do everything until it gets a policy */
  addRole(role: { readonly accessKeyId: string; readonly arn: string }): void
  setRolePolicy(arn: string, document: PolicyDocument | undefined): void
  /** whether an identity may */
  allows(need: Need, caller: string): boolean
  /**
   * @param onDenied told the first need that is not allowed
   * @throws AwsError AccessDeniedException
   */
  check(needs: readonly Need[], caller: string, onDenied: (need: Need) => void): void
}

/** Everything is allowed until a policy is set. */
export function access(accountId: string): Access {
  const own = `arn:aws:sts::${accountId}:assumed-role/local/deploy`
  const policies = new Map<string, PolicyDocument>()
  const roles = new Map<string, string>()
  const setPolicy = (arn: string, document: PolicyDocument | undefined) => {
    if (document) checkPolicy(document)
    if (document) policies.set(arn, document)
    else policies.delete(arn)
  }
  return {
    caller: own,
    callerOf: accessKeyId => roles.get(accessKeyId) ?? own,
    setPolicy: document => setPolicy(own, document),
    addRole: ({ accessKeyId, arn }) => {
      roles.set(accessKeyId, arn)
    },
    setRolePolicy: setPolicy,
    allows: (need, caller) => {
      const policy = policies.get(caller)
      return policy === undefined || decide(policy, need) === 'allow'
    },
    check(needs, caller, onDenied) {
      const policy = policies.get(caller)
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
