/** The console page of a command. */
export function commandConsoleUrl(region: string, commandId: string): string {
  return `https://${region}.console.aws.amazon.com/systems-manager/run-command/${commandId}?region=${region}`
}
