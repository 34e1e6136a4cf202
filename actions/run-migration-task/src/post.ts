import { runPost } from '@aws-deploy-actions/action-runtime'
import { stopUnsettledTask } from '@aws-deploy-actions/one-off-task'

await runPost(stopUnsettledTask)
