import { runPost } from '@aws-deploy-actions/action-runtime'
import { removeDockerFolder } from '@aws-deploy-actions/container-registry'

await runPost(async (state, { environment }) => {
  const folder = state('docker-folder')
  if (folder !== '') await removeDockerFolder(folder, environment.temp)
})
