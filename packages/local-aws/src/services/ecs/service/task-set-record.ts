import type { TaskSet } from '@aws-sdk/client-ecs'

/** A task set of a service with an EXTERNAL controller: it is kept, it runs nothing. */
export type TaskSetRecord = TaskSet & { readonly id: string; readonly taskSetArn: string }
