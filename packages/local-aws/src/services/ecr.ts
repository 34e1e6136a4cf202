import * as model from '@aws-sdk/client-ecr'
import type { Service } from '../service.ts'
import { imageOperations } from './ecr/images.ts'
import { layerOperations } from './ecr/layers.ts'
import { policyOperations } from './ecr/policies.ts'
import { registryOperations } from './ecr/registry.ts'
import { repositoryOperations } from './ecr/repositories.ts'
import { scanOperations } from './ecr/scans.ts'

/**
 * Amazon ECR. A repository belongs to the region of the request that created it; one port serves all regions, and the
 * region of the authorization token says which repository a name in a pull or push means.
 */
export const ecr: Service = {
  name: 'ecr',
  model,
  protocol: { kind: 'awsJson1_1', target: 'AmazonEC2ContainerRegistry_V20150921' },
  operations: {
    ...registryOperations,
    ...repositoryOperations,
    ...policyOperations,
    ...imageOperations,
    ...layerOperations,
    ...scanOperations,
  },
}
