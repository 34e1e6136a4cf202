/*
 * What becomes of a script's output on its way to the API; source: github.com/aws/amazon-ssm-agent,
 * agent/framework/runpluginutil/runpluginutil.go, agent/plugins/pluginutil/pluginutil.go (`StringPrefix`),
 * agent/framework/processor/executer/iohandler/iohandler.go (`TruncateOutput`). All lengths are bytes there.
 */
const AGENT_BYTES = 24_000
const CUT = '--output truncated--'
/** the model's lengths of StandardOutputContent and StandardErrorContent, in characters */
const STDOUT_CHARACTERS = 24_000
const STDERR_CHARACTERS = 8_000
/** the model's length of CommandPlugin's Output */
const LISTED_BYTES = 2_500

const ERROR_TITLE = '\n----------ERROR-------\n'
const OUTPUT_CUT = '\n---Output truncated---'
const ERROR_CUT = '\n---Error truncated----'

/** StandardOutputContent: its last bytes say when something is missing. */
export function standardOutput(stdout: Buffer): string {
  return cutByAgent(stdout).slice(0, STDOUT_CHARACTERS)
}

/** StandardErrorContent: the agent sends more than the API shows, so the mark at its end is mostly lost. */
export function standardError(stderr: Buffer): string {
  return cutByAgent(stderr).slice(0, STDERR_CHARACTERS)
}

/** Output in ListCommandInvocations: both streams in 2,500 bytes. */
export function listedOutput(stdout: Buffer, stderr: Buffer): string {
  const title = stderr.length > 0 ? ERROR_TITLE : ''
  const room = LISTED_BYTES - title.length
  const out = stdout.length
  const half = room / 2
  if (out + stderr.length < room) return `${text(stdout)}${title}${text(stderr)}`
  if (out > half && stderr.length > half) {
    const each = Math.floor((room - ERROR_CUT.length - OUTPUT_CUT.length) / 2)
    return `${text(stdout, each)}${OUTPUT_CUT}${title}${text(stderr, each)}${ERROR_CUT}`
  }
  if (out <= half) return `${text(stdout)}${title}${text(stderr, room - ERROR_CUT.length - out)}${ERROR_CUT}`
  return `${text(stdout, room - OUTPUT_CUT.length - stderr.length)}${OUTPUT_CUT}${title}${text(stderr)}`
}

function cutByAgent(bytes: Buffer): string {
  if (bytes.length < AGENT_BYTES) return text(bytes)
  return `${text(bytes, AGENT_BYTES - CUT.length)}${CUT}`
}

/** A character that the cut goes through becomes U+FFFD, as Go's JSON encoder writes it. */
function text(bytes: Buffer, length = bytes.length): string {
  return bytes.toString('utf8', 0, length)
}
