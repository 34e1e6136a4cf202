import { expect } from '@jest/globals'
import { expectEnd, smoke, withServer } from './smoke.ts'

let answers = 0
withServer(
  'a server that flaps, and stays up in the end, is told of once, not at every turn',
  (_, response) => response.writeHead(answers++ > 7 || answers % 2 === 1 ? 200 : 503).end(),
  async url => {
    const result = await smoke({ urls: url, successes: '3' })
    expectEnd(result, 'passed')
    const told = result.stdout.split('\n').filter(line => line.includes(' | '))
    expect(told.filter(line => line.includes('1 in a row'))).toHaveLength(1)
    expect(told.filter(line => line.includes('status 503'))).toHaveLength(1)
    expect(answers).toBeGreaterThan(9)
  },
)
