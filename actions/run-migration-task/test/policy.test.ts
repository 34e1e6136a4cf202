import { describe } from '@jest/globals'
import { testPolicy } from '../../../test/support/policy.ts'
import { taskUses } from '../../../test/support/task-uses.ts'

describe('iam-policy.json', () => {
  testPolicy(new URL('../iam-policy.json', import.meta.url), taskUses('run-migration-task', { database: 'shop' }))
})
