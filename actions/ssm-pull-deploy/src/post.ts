import { runPost } from '@aws-deploy-actions/action-runtime'
import { cancelUnsettled } from './clean-up.ts'

await runPost(cancelUnsettled)
