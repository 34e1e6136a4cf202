import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import {
  familyRevision,
  filledIn,
  needsAccount,
  patchedDocument,
  taskDefinitionSource,
  unresolved,
} from '../src/index.ts'
import { mergePatched } from '../src/merge-patch.ts'

describe('templates', () => {
  const document = {
    family: '${name}-${env}',
    count: 3,
    nothing: null,
    list: ['${region}', { deep: 'a ${missing} b ${name} ${missing}' }, true],
    literal: '$${name} costs $5 ${} ${1} $name ${ name } $$${name}',
    '${name}': 'keys stay',
  }
  const values = new Map([
    ['name', 'a"b=c\n${env}$&$1'],
    ['env', ''],
    ['region', 'eu-west-1'],
    ['missing', 'm'],
  ])

  test('every place is filled, values are not looked into again', () => {
    const name = 'a"b=c\n${env}$&$1'
    expect(filledIn(document, values)).toEqual({
      family: `${name}-`,
      count: 3,
      nothing: null,
      list: ['eu-west-1', { deep: `a m b ${name} m` }, true],
      literal: '${name} costs $5 ${} ${1} $name ${ name } $${name}',
      '${name}': 'keys stay',
    })
    expect(filledIn('${unknown}', values)).toBe('${unknown}')
    expect(filledIn({ a: '${account}' }, new Map([['account', '0']]))).toEqual({ a: '0' })
  })

  test('what has no value is named once, with its first path; literals need none', () => {
    expect(unresolved(document, new Set(['name', 'env', 'region']))).toEqual([
      {
        path: 'list[1].deep',
        problem:
          '${missing} has no value; add missing=… to template-values (a literal ${missing} is written $${missing})',
      },
    ])
    expect(unresolved(document, new Set(values.keys()))).toEqual([])
    expect(unresolved(document, new Set()).map(({ path }) => path)).toEqual([
      'family',
      'family',
      'list[0]',
      'list[1].deep',
    ])
  })

  test('the account is asked for only where it is used', () => {
    const source = (text: string) => needsAccount({ kind: 'file', path: 'x', document: { a: [text] } })
    expect([source('${account}'), source('$${account}'), source('account')]).toEqual([true, false, false])
    expect(needsAccount({ kind: 'registered', name: 'account' })).toBe(false)
  })
})

describe('merge patches', () => {
  // RFC 7396, appendix A
  test.each<[unknown, unknown, unknown]>([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    // beyond the appendix
    [undefined, { a: 1 }, { a: 1 }],
    [{ a: 1 }, {}, { a: 1 }],
  ])('%j with %j', (target, patch, wanted) => {
    const before = JSON.stringify([target, patch])
    expect(mergePatched(target, patch)).toEqual(wanted)
    expect(JSON.stringify([target, patch])).toBe(before)
  })

  test('a list of named entries can be patched by name', () => {
    const target = {
      family: 'app',
      containerDefinitions: [
        {
          name: 'app',
          image: 'a',
          environment: [
            { name: 'A', value: '1' },
            { name: 'B', value: '2' },
          ],
        },
        { name: 'log', image: 'l' },
        { name: 'old', image: 'o' },
      ],
    }
    const patch = {
      containerDefinitions: {
        app: { image: 'b', environment: { B: { value: '3' }, C: { value: '4' }, A: null } },
        old: null,
        gone: null,
        new: { image: 'n' },
      },
    }
    expect(patchedDocument(target, patch)).toEqual({
      family: 'app',
      containerDefinitions: [
        {
          name: 'app',
          image: 'b',
          environment: [
            { name: 'B', value: '3' },
            { name: 'C', value: '4' },
          ],
        },
        { name: 'log', image: 'l' },
        { name: 'new', image: 'n' },
      ],
    })
    expect(mergePatched({ environment: [] }, { environment: { A: { value: '1' } } })).toEqual({
      environment: [{ name: 'A', value: '1' }],
    })
    expect(mergePatched(target, { containerDefinitions: [{ name: 'x' }] })).toMatchObject({
      containerDefinitions: [{ name: 'x' }],
    })
    expect(patchedDocument(target, undefined)).toBe(target)
  })

  test('the key __proto__ is a key like any other', () => {
    const patched = mergePatched({ a: 1 }, JSON.parse('{"__proto__":{"evil":true}}'))
    expect(JSON.stringify(patched)).toBe('{"a":1,"__proto__":{"evil":true}}')
    expect(Reflect.get({}, 'evil')).toBeUndefined()
  })
})

describe('where a task definition comes from', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'task-definition-'))
    await Promise.all(
      Object.entries({
        'a.json': '{"family":"a","containerDefinitions":[{"name":"x"}]}',
        'b.yml': 'family: b\nold: 012\nno: no\ndate: 2026-11-20\n',
        'described.json': '{"taskDefinition":{"family":"d"},"tags":[{"key":"k","value":"v"}]}',
        'untagged.json': '{"taskDefinition":{"family":"d"},"tags":[]}',
        'broken.json': '{"family":',
        'list.yaml': '- a',
        'empty.yaml': '',
      }).map(([name, text]) => writeFile(join(folder, name), text)),
    )
  })
  afterAll(() => rm(folder, { recursive: true }))

  test('files are read, registered names are handed on', () => {
    const document = (name: string): unknown => Reflect.get(taskDefinitionSource(name, folder), 'document')
    expect(taskDefinitionSource('./a.json', folder)).toMatchObject({
      kind: 'file',
      path: './a.json',
      document: { family: 'a' },
    })
    expect(document('b.yml')).toEqual({ family: 'b', old: 12, no: 'no', date: '2026-11-20' })
    expect(document('described.json')).toEqual({ family: 'd', tags: [{ key: 'k', value: 'v' }] })
    expect(document('untagged.json')).toEqual({ family: 'd' })
    const arn = 'arn:aws-us-gov:ecs:us-gov-west-1:123456789012:task-definition/app:7'
    for (const name of ['app', 'app:7', 'a-b_C', arn]) {
      expect(taskDefinitionSource(name, folder)).toEqual({ kind: 'registered', name })
    }
    expect(familyRevision(arn)).toBe('app:7')
  })

  test.each([
    ['missing.json', 'there is no such file; is the repository checked out?'],
    ['tasks/app', 'there is no such file; is the repository checked out?'],
    ['broken.json', /^the file is not valid JSON or YAML: /],
    ['list.yaml', 'the file holds no task definition: allowed is one object'],
    ['empty.yaml', 'the file holds no task definition: allowed is one object'],
    ['./', /^the file cannot be read \(/],
    ['app:latest', 'allowed is a path to a JSON or YAML file, a family, family:revision, or an ARN'],
    ['two words', 'allowed is a path to a JSON or YAML file, a family, family:revision, or an ARN'],
    ['arn:aws:ecs:eu-west-1:123456789012:service/app', /^allowed is an ARN of a task definition/],
    ['arn:aws:ecs:eu-west-1:123456789012:task-definition/app', /^allowed is an ARN of a task definition/],
  ])('%s is an error', (name, wanted) => expect(() => taskDefinitionSource(name, folder)).toThrow(wanted))
})
