import { runAction } from '@aws-deploy-actions/action-runtime'
import { ecrPush } from './main.ts'

await runAction(ecrPush)
