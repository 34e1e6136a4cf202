import { expect, test } from '@jest/globals'
import { Secrets } from '../src/secrets.ts'

const DIGEST = `sha256:4711${'0123456789abcdef'.repeat(3)}0123456789ab`

function knowing(...values: [value: string, shortest?: number | undefined][]): Secrets {
  const secrets = new Secrets()
  for (const [value, shortest] of values) secrets.add(value, shortest)
  return secrets
}

test('a value goes wherever it stands, as it is, in JSON and in lines', () => {
  const { redact } = knowing(['correct "horse"\nbattery staple'], ['first line\nok'])
  expect(redact('x correct "horse"\nbattery staple y')).toBe('x *** y')
  expect(redact(JSON.stringify({ a: 'correct "horse"\nbattery staple' }))).toBe('{"a":"***"}')
  expect(redact('only battery staple')).toBe('only ***')
  expect(redact('first line, and ok')).toBe('***, and ok')
})

test.each([
  ['4711', 4, 'pin is ***, not12*** either'],
  ['4711\n', 4, 'pin is ***, not12*** either'],
  [' 4711 ', 4, 'pin is ***, not12*** either'],
  ['     ', 4, 'pin is 4711, not124711 either'],
  ['4711', undefined, 'pin is 4711, not124711 either'],
  ['471', 4, 'pin is 4711, not124711 either'],
  ['4711\ntrue', 4, 'pin is 4711, not124711 either'],
])('%j from %s characters on', (value, shortest, shown) => {
  expect(knowing([value, shortest]).redact('pin is 4711, not124711 either')).toBe(shown)
})

test('a short value leaves digests and outputs whole, a long one does not', () => {
  const short = knowing(['4711', 4], ['prod', 4])
  expect(short.redact(`ecr:shop/app@${DIGEST} 4711`)).toBe(`ecr:shop/app@${DIGEST} ***`)
  expect(short.redactOutput(`ecr:shop/prod@${DIGEST}`)).toBe(`ecr:shop/prod@${DIGEST}`)
  expect(knowing(['password1']).redactOutput('a password1')).toBe('a ***')
})

test('values with signs that patterns know are taken as they are', () => {
  const { redact } = knowing(['a.c|', 4], ['(x+y)*', 4])
  expect(redact('abc| a.c| (x+y)* xy')).toBe('abc| *** *** xy')
})
