import { describe } from '@jest/globals'
import { behindBalancer } from '../../../test/support/balancer.ts'
import { type PolicyUse, testPolicyIn } from '../../../test/support/policy.ts'
import { type ServiceCloud, startServiceCloud } from '../../../test/support/service-cloud.ts'
import { seed } from '../../../test/support/task-uses.ts'

/** Together they make every call there is. */
const USES: PolicyUse<ServiceCloud>[] = [
  {
    name: 'a new version, with an image, variables, secrets, roles and tags',
    green: true,
    prepare: seed,
    use: cloud =>
      cloud.run({
        services: 'web',
        images: 'app=ecr:app:1',
        environment: 'app/LEVEL=debug',
        secrets: `app/PASSWORD=arn:aws:secretsmanager:eu-west-1:${cloud.aws.accountId}:secret:shop/database:password::\napp/TOKEN=/shop/token`,
      }),
  },
  {
    name: 'images that do not exist, one in ECR Public',
    green: false,
    prepare: seed,
    use: cloud => cloud.run({ services: 'web', images: 'app=ecr:app:gone\njob=ecr-public:l0c4l4ws/tools:none' }),
  },
  {
    name: 'a rollback with nothing to go back to',
    green: false,
    prepare: seed,
    use: cloud => cloud.run({ services: 'web', operation: 'rollback' }),
  },
  {
    name: 'a version that fails behind a load balancer, until the time is over',
    green: false,
    prepare: async cloud => {
      await cloud.push('bad', 'exits')
      await behindBalancer(cloud, 'api', {
        deploymentConfiguration: { deploymentCircuitBreaker: { enable: false, rollback: false } },
      })
    },
    use: cloud => cloud.run({ services: 'api', images: 'ecr:web:bad', timeout: '15s' }),
  },
]

describe('iam-policy.json', () => {
  testPolicyIn(startServiceCloud, new URL('../iam-policy.json', import.meta.url), USES)
})
