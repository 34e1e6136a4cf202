import { createHash } from 'node:crypto'

/** The instance role of a host, as its scripts use it: access keys that are the host's own. */
export interface HostIdentity {
  readonly accessKeyId: string
  /** `arn:aws:sts::ACCOUNT:assumed-role/instance/i-…` */
  readonly arn: string
}

/** A role session of an EC2 instance has the instance's id as its name. */
export function hostIdentity(accountId: string, instanceId: string): HostIdentity {
  const digits = createHash('sha256').update(instanceId).digest('hex').slice(0, 12).toUpperCase()
  return { accessKeyId: `ASIAHOST${digits}`, arn: `arn:aws:sts::${accountId}:assumed-role/instance/${instanceId}` }
}
