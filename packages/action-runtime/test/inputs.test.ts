import { expect, test } from '@jest/globals'
import { InputError, InputReader } from '../src/index.ts'

function reader(inputs: Record<string, string>, variables: Record<string, string> = {}): InputReader {
  const named = Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])
  return new InputReader({ ...variables, ...Object.fromEntries(named) })
}

function problemsOf(input: InputReader): readonly string[] {
  try {
    input.finish()
  } catch (error) {
    if (error instanceof InputError) return error.problems.map(({ input: name, problem }) => `${name}: ${problem}`)
    throw error
  }
  return []
}

test('values are read as the runner passes them', () => {
  const input = reader(
    { 'aws-region': ' eu-west-1 ', text: '  a\r\nb  ', blank: ' \n ', 'two words': 'x', lf: 'a\rb' },
    { INPUT_TWO_WORDS: 'from the runner', EMPTY: '', AWS_REGION: 'us-east-1' },
  )
  expect(input.verbatim('text')).toBe('  a\nb  ')
  expect(input.verbatim('lf')).toBe('a\rb')
  expect(input.verbatim('absent')).toBe('')
  expect(input.optional('aws-region')).toBe('eu-west-1')
  expect(input.optional('blank')).toBeUndefined()
  expect(input.verbatim('two words')).toBe('from the runner')
  expect([input.variable('AWS_REGION'), input.variable('EMPTY'), input.variable('NONE')]).toEqual([
    'us-east-1',
    undefined,
    undefined,
  ])
  expect(problemsOf(input)).toEqual([])
})

test('every form of value, right', () => {
  const input = reader({
    yes: 'TRUE',
    wait: '1m30s',
    count: ' 20 ',
    choice: 'EC2',
    list: ' a \n# no\nb',
    map: 'A= 1 \nB=',
    command: 'a "b c"',
    json: '["x"]',
    yaml: 'cpu: "256"\nno: no\nold: 012\nbig: 1e3\ndate: 2026-11-20',
  })
  expect({
    yes: input.boolean('yes', false),
    unset: input.boolean('unset', false),
    optional: input.optionalBoolean('unset'),
    wait: input.duration('wait', 0),
    count: input.integer('count', 20, 200),
    choice: input.choice('choice', ['FARGATE', 'EC2']),
    lines: input.lines('list'),
    names: input.names('list'),
    map: [...input.map('map')],
    command: input.arguments('command', 'json-or-line'),
    json: input.arguments('json', 'json'),
    yaml: input.yaml('yaml'),
    nothing: [input.yaml('unset'), input.integer('unset', 0, 1), input.arguments('unset', 'json')],
  }).toEqual({
    yes: true,
    unset: false,
    optional: undefined,
    wait: 90_000,
    count: 20,
    choice: 'EC2',
    lines: [' a ', 'b'],
    names: ['a', 'b'],
    map: [
      ['A', ' 1 '],
      ['B', ''],
    ],
    command: ['a', 'b c'],
    json: ['x'],
    yaml: { cpu: '256', no: 'no', old: 12, big: 1000, date: '2026-11-20' },
    nothing: [undefined, undefined, undefined],
  })
  expect(problemsOf(input)).toEqual([])
})

test('all problems come in one error, each with the input, the value and what is allowed', () => {
  const input = reader({
    region: 'Europe',
    wait: 'soon',
    flag: 'yes',
    count: '7',
    half: '20.5',
    choice: 'fargate',
    map: 'A=1\nA=2\nbroken\nbad key=3',
    command: 'echo "x',
    json: '{"a":1}',
    yaml: 'a: [',
    twice: 'a: 1\na: 2',
    bomb: `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
      .split('')
      .map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[at]}`).join(',')}]`)
      .join('\n')}`,
    long: 'x'.repeat(500),
  })
  input.optional('region', /^[a-z]{2}-[a-z]+-\d$/, 'allowed is a region such as eu-west-1')
  input.required('task', 'give a family')
  input.duration('wait', 0)
  input.boolean('flag', false)
  input.integer('count', 20, 200)
  input.integer('half', 20, 200)
  input.choice('choice', ['FARGATE', 'EC2'])
  input.map('map', { pattern: /^[A-Z]+$/, allowed: 'allowed are capital letters' })
  input.arguments('command', 'json-or-line')
  input.arguments('json', 'json')
  input.yaml('yaml')
  input.yaml('twice')
  input.yaml('bomb')
  input.optional('long', /^y/, 'allowed is y')
  input.conflict('map', 'excludes task; give one of the two')
  const problems = problemsOf(input)
  expect(problems.filter(line => !/^(?:yaml|twice|bomb): /.test(line))).toEqual([
    'region: "Europe": allowed is a region such as eu-west-1',
    'task: is required and empty; give a family',
    'wait: "soon": allowed is a duration such as 500ms, 45s, 10m or 1h30m',
    'flag: "yes": allowed is true or false',
    'count: "7": allowed is a whole number from 20 to 200',
    'half: "20.5": allowed is a whole number from 20 to 200',
    'choice: "fargate": allowed is FARGATE, EC2',
    'map: the key "A" is given twice; allowed is once',
    'map: a line after "A" has no "="; allowed is one KEY=VALUE per line',
    'map: the key "bad key": allowed are capital letters',
    'command: "echo "x": a " is not closed; allowed is a complete POSIX command line',
    'json: "{"a":1}": allowed is a JSON array of strings such as ["python", "manage.py"]',
    `long: "${'x'.repeat(99)}…": allowed is y`,
    'map: excludes task; give one of the two',
  ])
  expect(problems.find(line => line.startsWith('yaml: '))).toMatch(/"a: \[": is not valid YAML or JSON \(.+\)/)
  expect(problems.find(line => line.startsWith('twice: '))).toMatch(/keys must be unique/)
  expect(problems.find(line => line.startsWith('bomb: '))).toMatch(/alias/)
  for (const line of problems) expect(line).not.toContain('\n')
})

test('one problem is enough', () => {
  const input = reader({ wait: 'soon' })
  expect(input.duration('wait', 0)).toBe(0)
  expect(problemsOf(input)).toHaveLength(1)
})

test('an error about one input says so, and holds every problem as a step', () => {
  expect(new InputError([{ input: 'a', problem: 'is wrong' }]).record).toEqual({
    what: 'An input is wrong.',
    next: ['a: is wrong'],
  })
  expect(
    new InputError([
      { input: 'a', problem: 'x' },
      { input: 'b', problem: 'y' },
    ]),
  ).toMatchObject({ message: '2 inputs are wrong.', status: 'failed', details: { next: ['a: x', 'b: y'] } })
})
