import { runPost } from '@aws-deploy-actions/action-runtime'
import { rollBackUnsettled } from '@aws-deploy-actions/service-deployment'

await runPost(rollBackUnsettled)
