import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { filesBelow, root } from './support/module-graph.ts'
import {
  calleeOf,
  documentOf,
  INTERNAL_ACTIONS,
  jobsOf,
  mapOf,
  problemsOf,
  stepsOf,
  textOf,
  usesIn,
  WORKFLOW_FILES,
} from './support/workflow-files.ts'

const ACTION_FILES = INTERNAL_ACTIONS.map(folder => `${folder}/action.yml`)
const ALL_FILES = [...WORKFLOW_FILES, ...ACTION_FILES]
const REUSABLE = WORKFLOW_FILES.filter(file => 'workflow_call' in mapOf(documentOf(file)['on']))

test('the workflows that this repository promises are there', () => {
  const names = REUSABLE.map(file => file.replace(/^.*\/|\.yml$/g, ''))
  expect(names).toEqual(
    expect.arrayContaining([
      'build',
      'deploy-ec2',
      'deploy-ecs',
      'lint',
      'migrate',
      'pipeline-ec2',
      'pipeline-ecs',
      'test',
    ]),
  )
})

describe.each(WORKFLOW_FILES)('%s', file => {
  test("passes GitHub's parser", () => {
    expect(problemsOf(file)).toEqual([])
  })

  test('grants nothing at the top, and every job what it needs', () => {
    expect(documentOf(file)['permissions']).toEqual({})
    expect(jobsOf(file).flatMap(([id, job]) => (job['permissions'] === undefined ? [id] : []))).toEqual([])
  })

  test('has a time-out for every job that runs', () => {
    const without = jobsOf(file).filter(([, job]) => job['uses'] === undefined && job['timeout-minutes'] === undefined)
    expect(without.map(([id]) => id)).toEqual([])
  })
})

describe.each(REUSABLE)('%s, which is called,', file => {
  const { inputs, outputs } = mapOf(mapOf(documentOf(file)['on'])['workflow_call'])

  test('describes and types each input, and gives it a default or requires it', () => {
    const unclear = Object.entries(mapOf(inputs)).filter(([, input]) => {
      const { description, type, required, default: fallback } = mapOf(input)
      const typed = type === 'string' || type === 'boolean' || type === 'number'
      return !description || !typed || (required === true) === (fallback !== undefined)
    })
    expect(unclear.map(([name]) => name)).toEqual([])
  })

  test('has the outputs status and report', () => {
    expect(Object.keys(mapOf(outputs))).toEqual(expect.arrayContaining(['status', 'report']))
  })

  test('says at its top what the caller grants: all that its jobs have, and nothing else', () => {
    const head = textOf(file).slice(0, textOf(file).indexOf('\nname:'))
    const said = [...head.matchAll(/^# {5}([a-z-]+: (?:read|write))/gm)].map(([, line]) => line)
    const granted = jobsOf(file).flatMap(([, job]) =>
      Object.entries(mapOf(job['permissions'])).map(([scope, level]) => `${scope}: ${level}`),
    )
    expect(said).toEqual([...new Set(granted)].sort())
  })

  test('does not read secrets of an environment, which arrive empty', () => {
    const declared = Object.keys(mapOf(mapOf(mapOf(documentOf(file)['on'])['workflow_call'])['secrets']))
    const read = [...textOf(file).matchAll(/\bsecrets\.([\w-]+)/g)].map(([, name]) => name)
    expect(read.filter(name => !declared.includes(name ?? ''))).toEqual([])
  })

  test('takes part in a queue by its inputs, not by github.workflow, which is the caller', () => {
    const { concurrency } = documentOf(file)
    if (concurrency === undefined) return
    expect(concurrency).toMatchObject({ 'cancel-in-progress': false, queue: 'max' })
    expect(mapOf(concurrency)['group']).toMatch(/inputs\.environment/)
    expect(mapOf(concurrency)['group']).not.toMatch(/github\.workflow/)
  })
})

describe.each(['pipeline-ecs', 'pipeline-ec2'])('the order of %s', name => {
  const jobs = jobsOf(`.github/workflows/${name}.yml`)
  const neededBy = (id: string): unknown[] => {
    const needs = Object.fromEntries(jobs)[id]?.['needs']
    return typeof needs === 'string' ? [needs] : Array.isArray(needs) ? needs : []
  }
  const stages = jobs.map(([id]) => id).filter(id => id !== 'summary')

  test('is check, lint and test, build, and what deploys', () => {
    const order = ['check', 'lint', 'test', 'build', ...(name === 'pipeline-ecs' ? ['migrate'] : []), 'deploy']
    expect(stages).toEqual(order)
  })

  test('is kept: each stage sees all before it, and none runs after one that failed or was cancelled', () => {
    for (const [index, stage] of stages.entries()) {
      if (index === 0) continue
      const earlier = stages.slice(0, index).filter(id => !(stage === 'test' && id === 'lint'))
      expect(neededBy(stage)).toEqual(earlier)
      const condition = String(Object.fromEntries(jobs)[stage]?.['if'])
      expect(condition).toContain(
        "!cancelled() && !contains(needs.*.result, 'failure') && !contains(needs.*.result, 'cancelled')",
      )
    }
  })

  test('ends with the summary, always', () => {
    expect(neededBy('summary')).toEqual(stages)
    expect(Object.fromEntries(jobs)['summary']?.['if']).toBe('${{ always() }}')
  })
})

describe.each(ALL_FILES)('%s', file => {
  test('pastes nothing into shell', () => {
    const pasted = stepsOf(file).filter(({ step }) => typeof step['run'] === 'string' && step['run'].includes('${{'))
    expect(pasted.map(({ where }) => where)).toEqual([])
  })

  test("pins other people's actions by commit, with the version beside", () => {
    const loose = textOf(file)
      .split('\n')
      .filter(line => /^\s*(?:- )?uses:/.test(line) && !/uses: (?:\$\/|\.\/)/.test(line))
      .filter(line => !/uses: [\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(line))
    expect(loose).toEqual([])
  })

  test('names only actions and workflows that are there', () => {
    const missing = usesIn(file).filter(({ uses }) => {
      const path = /^(?:\$|\.)\/(.*)$/.exec(uses)?.[1]
      return path !== undefined && !existsSync(join(root, path.endsWith('.yml') ? path : `${path}/action.yml`))
    })
    expect(missing.map(({ where, uses }) => `${where}: ${uses}`)).toEqual([])
  })

  test('gives each action and workflow inputs that it has, and those that it requires', () => {
    const wrong = usesIn(file).flatMap(({ where, uses, with: given, secrets }) => {
      const callee = calleeOf(uses)
      if (callee === undefined) return []
      return [
        ...given.filter(name => !callee.inputs.includes(name)).map(name => `${where}: ${uses} has no input ${name}`),
        ...secrets
          .filter(name => !callee.secrets.includes(name))
          .map(name => `${where}: ${uses} has no secret ${name}`),
        ...callee.required
          .filter(name => !given.includes(name))
          .map(name => `${where}: ${uses} requires the input ${name}`),
      ]
    })
    expect(wrong).toEqual([])
  })

  test('reads outputs that are there', () => {
    const outputsOf = (uses: unknown): readonly string[] | undefined =>
      typeof uses === 'string' ? calleeOf(uses)?.outputs : undefined
    const wrong = [...textOf(file).matchAll(/\b(steps|needs|jobs)\.([\w-]+)\.outputs\.([\w-]+)/g)].flatMap(
      ([whole, kind, id, output = '']) => {
        if (kind === 'steps') {
          const steps = stepsOf(file).filter(({ step }) => step['id'] === id)
          if (steps.length === 0) return [`${whole}: there is no such step`]
          return steps.some(({ step }) => {
            const known = outputsOf(step['uses'])
            return known === undefined
              ? step['uses'] !== undefined || String(step['run']).match(/GITHUB_OUTPUT|\.sh/)
              : known.includes(output)
          })
            ? []
            : [`${whole}: the step has no such output`]
        }
        const job = Object.fromEntries(jobsOf(file))[id ?? '']
        if (job === undefined) return [`${whole}: there is no such job`]
        const known = outputsOf(job['uses']) ?? Object.keys(mapOf(job['outputs']))
        return known.includes(output) ? [] : [`${whole}: the job has no such output`]
      },
    )
    expect(wrong).toEqual([])
  })

  test('reads inputs that it declares', () => {
    const document = documentOf(file)
    const triggers = mapOf(document['on'])
    const declared = Object.keys({
      ...mapOf(mapOf(triggers['workflow_call'])['inputs']),
      ...mapOf(mapOf(triggers['workflow_dispatch'])['inputs']),
      ...mapOf(document['inputs']),
    })
    const read = [...textOf(file).matchAll(/\binputs\.([a-z][\w-]*)/g)].map(([, name = '']) => name)
    expect([...new Set(read)].filter(name => !declared.includes(name))).toEqual([])
  })
})

test('every input of a called workflow has a use in it', () => {
  const idle = REUSABLE.flatMap(file =>
    Object.keys(mapOf(mapOf(mapOf(documentOf(file)['on'])['workflow_call'])['inputs']))
      .filter(name => !new RegExp(`\\binputs\\.${name}(?![\\w-])`).test(textOf(file)))
      .map(name => `${file}: ${name}`),
  )
  expect(idle).toEqual([])
})

test('every summary is given a job to speak of', () => {
  const needs = WORKFLOW_FILES.flatMap(stepsOf)
    .filter(({ step }) => /\/actions\/summarize$/.test(String(step['uses'])))
    .map(({ step }) => String(mapOf(step['with'])['needs']))
  expect(needs.length).toBeGreaterThan(3)
  expect(needs.filter(text => /^\s*(?:\{\s*\})?\s*$/.test(text))).toEqual([])
})

test('what waits for other jobs lets none run after one over its time-out, which is cancelled', () => {
  const examples = filesBelow('examples').filter(path => /\/\.github\/workflows\/[^/]+\.yml$/.test(path))
  const deceived = [...WORKFLOW_FILES, ...examples].flatMap(file =>
    jobsOf(file).flatMap(([id, job]) => (String(job['if']).includes('!failure()') ? [`${file}: ${id}`] : [])),
  )
  expect(deceived).toEqual([])
  expect(examples.length).toBeGreaterThan(3)
})

test.each(['pipeline-ecs', 'pipeline-ec2'])(
  'the stages of %s report to its own summary, not to that of another pipeline of the run',
  name => {
    const file = `.github/workflows/${name}.yml`
    const jobs = jobsOf(file)
    const given = [
      ...jobs.filter(([, job]) => job['uses'] !== undefined).map(([, job]) => mapOf(job['with'])['reports-for']),
      ...stepsOf(file)
        .filter(({ step }) => /\/(?:keep|fetch)-reports$/.test(String(step['uses'])))
        .map(({ step }) => mapOf(step['with'])['for']),
    ]
    expect(given).toHaveLength(jobs.length)
    expect(new Set(given).size).toBe(1)
    expect(String(given[0])).toMatch(/inputs\.environment.*inputs\.(?:cluster|directory)/)
  },
)
