import * as model from '@aws-sdk/client-ecr-public'
import type { Service } from '../service.ts'
import { publicImageOperations } from './ecr-public/images.ts'
import { publicRepositoryOperations } from './ecr-public/repositories.ts'
import { inUsEast1 } from './ecr-public/resource.ts'

/** Amazon ECR Public: no lifecycle policies, no immutability, no scans, no BatchGetImage (manifests are read over `/v2`). */
export const ecrPublic: Service = {
  name: 'ecr-public',
  model,
  protocol: { kind: 'awsJson1_1', target: 'SpencerFrontendService' },
  operations: inUsEast1({ ...publicRepositoryOperations, ...publicImageOperations }),
}
