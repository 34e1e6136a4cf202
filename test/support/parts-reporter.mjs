/** The last lines of a test run: which parts that need something special ran, and which did not, and why. */
export default class PartsReporter {
  onRunComplete(_contexts, { testResults }) {
    const parts = new Map()
    for (const { testResults: tests } of testResults) {
      for (const { ancestorTitles, title, status } of tests) {
        const name = [...ancestorTitles, title].join(' ')
        const need = /\[with ([^\]]+)\]/.exec(name)?.[1]
        if (need === undefined && status !== 'pending') continue
        const part = parts.get(need ?? name) ?? { ran: 0, skipped: 0, why: undefined }
        if (status === 'pending') part.skipped++
        else part.ran++
        part.why ??= /\[skipped: ([^\]]+)\]/.exec(name)?.[1]
        parts.set(need ?? name, part)
      }
    }
    console.log('\nParts that need more than Node and npm:')
    for (const [need, { ran, skipped, why }] of [...parts].sort()) {
      console.log(
        `  ${need}: ${skipped === 0 ? `${ran} tests ran` : `${skipped} tests skipped${why === undefined ? ', for no reason given' : `: ${why}`}`}`,
      )
    }
  }
}
