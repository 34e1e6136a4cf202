import { describe, expect, test } from '@jest/globals'
import { checkedDefinition, registrableDocument } from '../src/index.ts'
import { asRegistrable } from '../src/schema.ts'

function thrownBy(run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    return error
  }
}

describe('what AWS takes as a task definition', () => {
  const problems = (document: unknown): string[] =>
    asRegistrable(document).problems.map(({ path, problem }) => `${path} ${problem}`)

  test('a right one passes untouched; texts and numbers become what AWS wants', () => {
    const right = {
      family: 'app',
      cpu: '256',
      memory: '512',
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      runtimePlatform: { cpuArchitecture: 'ARM64' },
      ephemeralStorage: { sizeInGiB: 21 },
      tags: [{ key: 'a', value: '' }],
      containerDefinitions: [
        {
          name: 'app',
          image: 'nginx',
          essential: true,
          portMappings: [{ containerPort: 80 }],
          environment: [{ name: 'EMPTY', value: '' }],
          command: [],
          dockerLabels: { 'any.key': 'x' },
          logConfiguration: { logDriver: 'awslogs', options: { 'any-option': 'y' } },
          healthCheck: { command: ['CMD', 'true'], interval: 5 },
        },
      ],
      volumes: [{ name: 'v', efsVolumeConfiguration: { fileSystemId: 'fs-1' } }],
    }
    expect(asRegistrable(right)).toEqual({ value: right, problems: [] })
    expect(
      asRegistrable({
        family: 'app',
        cpu: 256,
        memory: 512,
        enableFaultInjection: 'true',
        pidMode: null,
        containerDefinitions: [{ name: 'a', cpu: '10', essential: 'false', portMappings: [{ containerPort: '8080' }] }],
      }),
    ).toEqual({
      value: {
        family: 'app',
        cpu: '256',
        memory: '512',
        enableFaultInjection: true,
        containerDefinitions: [{ name: 'a', cpu: 10, essential: false, portMappings: [{ containerPort: 8080 }] }],
      },
      problems: [],
    })
  })

  test('what only Describe returns is ignored at the top, and nowhere else', () => {
    const described = {
      taskDefinitionArn: 'arn',
      revision: 7,
      status: 'ACTIVE',
      requiresAttributes: [{ name: 'x' }],
      compatibilities: ['EC2'],
      registeredAt: 1763619000,
      registeredBy: 'arn',
      deregisteredAt: 1,
      deleteRequestedAt: 2,
    }
    expect(asRegistrable({ family: 'app', ...described })).toEqual({ value: { family: 'app' }, problems: [] })
    expect(problems({ containerDefinitions: [{ status: 'x' }] })).toHaveLength(1)
  })

  test.each<[unknown, string[]]>([
    // unknown keys, at every depth, with the nearest known one
    [{ familly: 'x' }, ['familly is not known to AWS; the nearest known key is family']],
    [{ taskRolearn: 'x' }, ['taskRolearn is not known to AWS; the nearest known key is taskRoleArn']],
    [
      { containerDefinitions: [{}, { enviroment: [] }] },
      ['containerDefinitions[1].enviroment is not known to AWS; the nearest known key is environment'],
    ],
    [
      { containerDefinitions: [{ secrets: [{ name: 'x', valuefrom: 'y' }] }] },
      ['containerDefinitions[0].secrets[0].valuefrom is not known to AWS; the nearest known key is valueFrom'],
    ],
    [
      { volumes: [{ efsVolumeConfiguration: { authorizationConfig: { accesPointId: 'x' } } }] },
      [
        'volumes[0].efsVolumeConfiguration.authorizationConfig.accesPointId is not known to AWS; the nearest known key is accessPointId',
      ],
    ],
    [
      { containerDefinitions: [{ linuxParameters: { capabilities: { ad: [] } } }] },
      ['containerDefinitions[0].linuxParameters.capabilities.ad is not known to AWS; the nearest known key is add'],
    ],
    // wrong types
    ['text', ['the document is "text"; allowed is an object']],
    [[], ['the document is a list; allowed is an object']],
    [{ family: 5 }, ['family is 5; allowed is text (write it in quotes: "5")']],
    [{ family: { a: 1 } }, ['family is an object; allowed is text']],
    [{ containerDefinitions: {} }, ['containerDefinitions is an object; allowed is a list']],
    [{ containerDefinitions: [null] }, ['containerDefinitions[0] is empty; allowed is a value, or no entry']],
    [{ containerDefinitions: ['app'] }, ['containerDefinitions[0] is "app"; allowed is an object']],
    [
      {
        containerDefinitions: [
          {
            environment: [
              { name: 'PORT', value: 8080 },
              { name: 'ON', value: true },
            ],
          },
        ],
      },
      [
        'containerDefinitions[0].environment[0].value is 8080; allowed is text (write it in quotes: "8080")',
        'containerDefinitions[0].environment[1].value is true; allowed is text (write it in quotes: "true")',
      ],
    ],
    [{ containerDefinitions: [{ cpu: 'much' }] }, ['containerDefinitions[0].cpu is "much"; allowed is a number']],
    [{ containerDefinitions: [{ cpu: Number.NaN }] }, ['containerDefinitions[0].cpu is NaN; allowed is a number']],
    [
      { containerDefinitions: [{ essential: 'yes' }] },
      ['containerDefinitions[0].essential is "yes"; allowed is true or false'],
    ],
    [
      { containerDefinitions: [{ dockerLabels: { cpu: 1 } }] },
      ['containerDefinitions[0].dockerLabels.cpu is 1; allowed is text (write it in quotes: "1")'],
    ],
    [{ cpu: 0.25 }, ['cpu is 0.25; allowed is text (write it in quotes: "0.25")']],
    [
      JSON.parse('{"__proto__":{"x":1},"family":"a"}'),
      ['__proto__ is not known to AWS; the nearest known key is pidMode'],
    ],
  ])('%j', (document, wanted) => expect(problems(document)).toEqual(wanted))

  test('family and containers must be there; every problem comes at once', () => {
    const all = (document: unknown): string[] => checkedDefinition(document).problems.map(({ path }) => path)
    expect(all({})).toEqual(['family', 'containerDefinitions'])
    expect(all({ family: '', containerDefinitions: [] })).toEqual(['family', 'containerDefinitions'])
    expect(all({ family: null, containerDefinitions: [{ imag: 'x' }] })).toEqual([
      'containerDefinitions[0].imag',
      'family',
    ])
    expect(thrownBy(() => registrableDocument({ family: 'a' }, 'task.json'))).toMatchObject({
      message: 'The task definition task.json is wrong.',
      details: { next: ['containerDefinitions is missing or empty'] },
    })
    expect(registrableDocument({ family: 'a', containerDefinitions: [{}], revision: 1 }, 'x')).toEqual({
      family: 'a',
      containerDefinitions: [{}],
    })
  })
})
