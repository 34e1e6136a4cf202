import { runAction } from '@aws-deploy-actions/action-runtime'
import { action } from './main.ts'

await runAction(action)
