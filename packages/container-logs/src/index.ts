export { type ContainerStream, followLogs, type LogFollower, type LogsRead } from './follow.ts'
export { streamsOfTask } from './streams.ts'
