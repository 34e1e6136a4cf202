import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { describeWith } from '../../../test/support/parts.ts'
import { embedded } from '../src/embed.ts'
import { PROGRAM, START } from '../src/program-text.ts'

const HOST = new URL('../src/host/', import.meta.url)

test('the embedded texts are those of host/', () => {
  const text = readFileSync(new URL('../src/program-text.ts', import.meta.url), 'utf8')
  expect(text).toBe(embedded())
})

test('no file of it is too long to read', () => {
  for (const name of readdirSync(HOST)) {
    expect(readFileSync(new URL(name, HOST), 'utf8').split('\n').length).toBeLessThan(350)
  }
})

describeWith(['shellcheck'], 'the program', () => {
  test('has nothing that shellcheck finds', () => {
    execFileSync('shellcheck', ['--shell=bash', '-'], { input: PROGRAM, encoding: 'utf8' })
    execFileSync('shellcheck', ['--shell=sh', '-'], { input: START, encoding: 'utf8' })
  })
})
