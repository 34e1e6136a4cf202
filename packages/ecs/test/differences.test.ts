import type { ContainerDefinition } from '@aws-sdk/client-ecs'
import { describe, expect, test } from '@jest/globals'
import { differenceLines, type Registrable } from '../src/index.ts'
import { differences } from '../src/normalise.ts'

const definition = (container: ContainerDefinition, rest: Partial<Registrable> = {}): Registrable => ({
  family: 'app',
  containerDefinitions: [{ name: 'app', image: 'nginx', ...container }],
  ...rest,
})
const awsvpc = { networkMode: 'awsvpc' } as const
const defaults = {
  cpu: 0,
  essential: true,
  portMappings: [],
  environment: [],
  mountPoints: [],
  volumesFrom: [],
  systemControls: [],
}

describe('what the server fills in or stores in another form is no difference', () => {
  test.each<[string, Registrable, Registrable]>([
    ['a bare container', definition({}), definition(defaults)],
    [
      'empty lists',
      definition({ command: [], secrets: [], dependsOn: [] }),
      definition(defaults, { volumes: [], placementConstraints: [] }),
    ],
    [
      'a port under awsvpc',
      definition({ portMappings: [{ containerPort: 80 }] }, awsvpc),
      definition({ ...defaults, portMappings: [{ containerPort: 80, hostPort: 80, protocol: 'tcp' }] }, awsvpc),
    ],
    [
      'a port under host',
      definition({ portMappings: [{ containerPort: 80 }] }, { networkMode: 'host' }),
      definition({ portMappings: [{ containerPort: 80, hostPort: 80, protocol: 'tcp' }] }, { networkMode: 'host' }),
    ],
    [
      'a dynamic port under bridge',
      definition({ portMappings: [{ containerPort: 80 }] }),
      definition({ portMappings: [{ containerPort: 80, hostPort: 0, protocol: 'tcp' }] }, { networkMode: 'bridge' }),
    ],
    [
      'a health check',
      definition({ healthCheck: { command: ['CMD', 'true'] } }),
      definition({ healthCheck: { command: ['CMD', 'true'], interval: 30, timeout: 5, retries: 3 } }),
    ],
    [
      'the order of environment and secrets',
      definition({
        environment: [
          { name: 'A', value: '1' },
          { name: 'B', value: '2' },
        ],
        secrets: [
          { name: 'X', valueFrom: 'x' },
          { name: 'Y', valueFrom: 'y' },
        ],
      }),
      definition({
        environment: [
          { name: 'B', value: '2' },
          { name: 'A', value: '1' },
        ],
        secrets: [
          { name: 'Y', valueFrom: 'y' },
          { name: 'X', valueFrom: 'x' },
        ],
      }),
    ],
    [
      'the order of containers',
      definition({}, { containerDefinitions: [{ name: 'a' }, { name: 'b' }] }),
      definition({}, { containerDefinitions: [{ name: 'b' }, { name: 'a' }] }),
    ],
    [
      'the order of compatibilities',
      definition({}, { requiresCompatibilities: ['EC2', 'FARGATE'] }),
      definition({}, { requiresCompatibilities: ['FARGATE', 'EC2'] }),
    ],
    [
      'sizes in words',
      definition({}, { cpu: '.25 vCPU', memory: '0.5 GB' }),
      definition({}, { cpu: '256', memory: '512' }),
    ],
    [
      'sizes in capitals',
      definition({}, { cpu: '1 VCPU', memory: '2GB' }),
      definition({}, { cpu: '1024', memory: '2048' }),
    ],
    ['tags', definition({}, { tags: [{ key: 'a', value: 'b' }] }), definition({})],
    ['false', definition({ privileged: false, readonlyRootFilesystem: false }), definition({})],
    [
      'a mount that is not read-only',
      definition({ mountPoints: [{ sourceVolume: 'v', containerPath: '/v' }] }, { volumes: [{ name: 'v' }] }),
      definition(
        { mountPoints: [{ sourceVolume: 'v', containerPath: '/v', readOnly: false }] },
        { volumes: [{ name: 'v', host: {} }] },
      ),
    ],
    [
      'the root of a file system',
      definition({}, { volumes: [{ name: 'v', efsVolumeConfiguration: { fileSystemId: 'fs-1' } }] }),
      definition(
        {},
        { volumes: [{ name: 'v', efsVolumeConfiguration: { fileSystemId: 'fs-1', rootDirectory: '/' } }] },
      ),
    ],
    [
      'empty options of the log driver',
      definition({ logConfiguration: { logDriver: 'awslogs', options: { 'awslogs-group': '/x' } } }),
      definition({ logConfiguration: { logDriver: 'awslogs', options: { 'awslogs-group': '/x' }, secretOptions: [] } }),
    ],
  ])('%s', (_, file, described) => {
    expect(differences(file, described)).toEqual([])
    expect(differences(described, file)).toEqual([])
  })
})

describe('real differences are found, with their path', () => {
  test.each<[Registrable, Registrable, string[]]>([
    [definition({}), definition({ image: 'nginx:2' }), ['containerDefinitions.app.image: nginx → nginx:2']],
    [definition({}), definition({ essential: false }), ['containerDefinitions.app.essential: true → false']],
    [definition({}), definition({ cpu: 10 }), ['containerDefinitions.app.cpu: (none) → 10']],
    [definition({}), definition({ privileged: true }), ['containerDefinitions.app.privileged: (none) → true']],
    [
      definition({ command: ['a', 'b'] }),
      definition({ command: ['b', 'a'] }),
      ['containerDefinitions.app.command[0]: a → b', 'containerDefinitions.app.command[1]: b → a'],
    ],
    [
      definition({ command: ['a'] }),
      definition({ command: ['a', ''] }),
      ['containerDefinitions.app.command[1]: (none) → '],
    ],
    [
      definition({ portMappings: [{ containerPort: 53 }] }),
      definition({ portMappings: [{ containerPort: 53, protocol: 'udp' }] }),
      ['containerDefinitions.app.portMappings[0].protocol: tcp → udp'],
    ],
    [
      definition({ portMappings: [{ containerPort: 80 }] }),
      definition({ portMappings: [{ containerPort: 80, hostPort: 8080 }] }),
      ['containerDefinitions.app.portMappings[0].hostPort: (none) → 8080'],
    ],
    [
      definition({ healthCheck: { command: ['CMD', 'true'] } }),
      definition({ healthCheck: { command: ['CMD', 'true'], retries: 4 } }),
      ['containerDefinitions.app.healthCheck.retries: 3 → 4'],
    ],
    [definition({}, { cpu: '1 vCPU' }), definition({}, { cpu: '512' }), ['cpu: 1024 → 512']],
    [definition({}), definition({}, awsvpc), ['networkMode: (none) → awsvpc']],
    [definition({}, { taskRoleArn: 'a' }), definition({}), ['taskRoleArn: a → (none)']],
    [
      definition({}, { volumes: [{ name: 'v', efsVolumeConfiguration: { fileSystemId: 'fs-1' } }] }),
      definition(
        {},
        { volumes: [{ name: 'v', efsVolumeConfiguration: { fileSystemId: 'fs-1', rootDirectory: '/x' } }] },
      ),
      ['volumes[0].efsVolumeConfiguration.rootDirectory: (none) → /x'],
    ],
    [
      definition({ secrets: [{ name: 'S', valueFrom: 'a' }] }),
      definition({
        secrets: [
          { name: 'S', valueFrom: 'b' },
          { name: 'T', valueFrom: 'c' },
        ],
      }),
      ['containerDefinitions.app.secrets.S: a → b', 'containerDefinitions.app.secrets.T: (none) → c'],
    ],
    [
      definition({}),
      definition(
        {},
        {
          containerDefinitions: [
            { name: 'app', image: 'nginx' },
            { name: 'log', image: 'l' },
          ],
        },
      ),
      [
        'containerDefinitions.log.essential: (none) → true',
        'containerDefinitions.log.image: (none) → l',
        'containerDefinitions.log.name: (none) → log',
      ],
    ],
  ])('%#', (before, after, wanted) => {
    expect(differenceLines(differences(before, after))).toEqual(wanted)
    expect(differences(after, before)).toHaveLength(wanted.length)
  })
})

test('values of the environment show as hashes only, unless they shall show', () => {
  const found = differences(
    definition({
      environment: [
        { name: 'A', value: 'hunter2' },
        { name: 'B', value: '' },
        { name: 'dotted.name', value: 'hunter2' },
      ],
    }),
    definition({
      environment: [
        { name: 'A', value: 'hunter3' },
        { name: 'dotted.name', value: 'x' },
        { name: 'NEW', value: 'hunter4' },
      ],
    }),
  )
  const lines = differenceLines(found)
  expect(lines).toEqual([
    'containerDefinitions.app.environment.A: sha256:f52fbd32 → sha256:fb8c2e2b',
    'containerDefinitions.app.environment.B: sha256:e3b0c442 → (none)',
    expect.stringMatching(/^containerDefinitions\.app\.environment\.NEW: \(none\) → sha256:[0-9a-f]{8}$/),
    'containerDefinitions.app.environment.dotted.name: sha256:f52fbd32 → sha256:2d711642',
  ])
  expect(lines.join()).not.toContain('hunter')
  expect(differenceLines(found, true)).toContain('containerDefinitions.app.environment.A: hunter2 → hunter3')
})
