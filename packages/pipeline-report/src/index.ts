export { publishable, reportKey, reportLine, withoutAccount } from './line.ts'
export { type ReadReports, readReports } from './read.ts'
export {
  type CheckRecord,
  type CommonStatus,
  type FailureRecord,
  type ImageRecord,
  type InstanceRecord,
  REPORT_SCHEMA,
  type ReportRecord,
  type RunRecord,
  type ServiceRecord,
  type TaskRecord,
} from './record.ts'
