import type { FailureRecord } from '@aws-deploy-actions/pipeline-report'

/** The likely cause of a reason that AWS gives, and what to do next. */
export type Advice = Required<Pick<FailureRecord, 'cause' | 'next'>>

// In order: the first pattern that fits counts. Sources: Amazon ECS Developer Guide, "Stopped task error messages",
// "CannotPullContainer task errors", "ResourceInitializationError"; Elastic Load Balancing, "Target health reason codes".
const REASONS: readonly (readonly [RegExp, Advice])[] = [
  [
    /sts:GetServiceBearerToken/,
    {
      cause: 'ECR Public needs a second permission.',
      next: ['Add sts:GetServiceBearerToken beside ecr-public:GetAuthorizationToken.'],
    },
  ],
  [
    /does not contain descriptor matching platform|exec format error|image Manifest does not contain descriptor/i,
    {
      cause: 'The image was built for another CPU architecture than the task runs on.',
      next: [
        'Build for the platform of the task (platforms: linux/amd64 or linux/arm64), or set runtimePlatform.cpuArchitecture.',
      ],
    },
  ],
  [
    /CannotPullContainerError[^\n]*(?:not found|manifest unknown|does not exist)/i,
    {
      cause: 'The tag was not pushed, the repository is wrong, or a pull-through prefix is missing.',
      next: ['Compare the image with what is in the repository; push the tag or correct the reference.'],
    },
  ],
  [
    /i\/o timeout|Timeout waiting for network interface|context deadline exceeded|connection timed out/i,
    {
      cause: 'The task has no route to ECR, Logs or Secrets Manager.',
      next: [
        'In private subnets: a NAT gateway, or VPC endpoints for ecr.api, ecr.dkr, s3, logs and secretsmanager; in public ones assign-public-ip: true.',
        'Allow outgoing 443 in the security group.',
      ],
    },
  ],
  [
    /CannotPullContainerError[^\n]*(?:denied|forbidden|unauthorized|no basic auth|\bstatus(?: code)?:? (?:401|403)\b|\b(?:401|403) (?:Unauthorized|Forbidden))/i,
    {
      cause: 'The execution role may not pull the image.',
      next: [
        'Attach AmazonECSTaskExecutionRolePolicy to the execution role; for another account, a repository policy there.',
      ],
    },
  ],
  [
    /CannotPullContainerError/i,
    {
      cause: 'The image could not be pulled.',
      next: ['Check the image reference, the route to the registry and the execution role.'],
    },
  ],
  [
    /failed to (?:create|validate)[^\n]*(?:Cloudwatch log|logger args)|log group does not exist|ResourceNotFoundException[^\n]*log group/i,
    {
      cause: 'The log group of the task definition does not exist, or the execution role may not write to it.',
      next: [
        'Create the log group, or allow logs:CreateLogStream and logs:PutLogEvents on it (logs:CreateLogGroup for awslogs-create-group).',
      ],
    },
  ],
  [
    /ResourceInitializationError[^\n]*(?:secret|ssm|parameter|asm)/i,
    {
      cause: 'The execution role may not read a secret or parameter of the task definition, or its name is wrong.',
      next: [
        'Allow secretsmanager:GetSecretValue or ssm:GetParameters (and kms:Decrypt) on it, and compare the ARN with valueFrom.',
      ],
    },
  ],
  [
    /OutOfMemory/i,
    {
      cause: 'The container used more memory than its limit.',
      next: ['Raise memory (of the container, or of the task).'],
    },
  ],
  [
    /P1012[\s\S]*DATABASE_URL|Environment variable not found: DATABASE_URL/,
    {
      cause: 'The migration tool reads its connection from DATABASE_URL, which is not set in the container.',
      next: ['Add DATABASE_URL to secrets, or build it in a wrapper script of the image.'],
    },
  ],
  [
    /dependency graph|container ordering dependency|did not exit successfully/i,
    {
      cause: 'A container that this one depends on failed or never became healthy.',
      next: ['Look at the exit code and the lines of that container; it is named in the reason.'],
    },
  ],
  [
    /CannotStartContainerError|executable file not found|no such file or directory/i,
    {
      cause: 'The command of the container does not exist in the image.',
      next: ['Check command and entrypoint against the image; a shell script needs its interpreter.'],
    },
  ],
  [
    /Health checks failed with these codes|failed ELB health checks|Target\.Timeout|Elb\.InitialHealthChecking|Target\.FailedHealthChecks/i,
    {
      cause: 'The health check asks the wrong path or port, or the application needs longer than the grace period.',
      next: [
        'Compare path, port and codes of the target group with what the application answers; raise healthCheckGracePeriodSeconds.',
      ],
    },
  ],
  [
    /failed container health checks|health ?check[^\n]*exit(?:ed)?(?: code| with(?: code)?)? 127/i,
    {
      cause: 'The health check command of the container fails; with exit code 127 its tool (curl) is not in the image.',
      next: [
        'Run the command of healthCheck inside the image; put the tool in, or use one that is there; raise startPeriod for a slow start.',
      ],
    },
  ],
  [
    /SpotInterruption|TerminationNotice/i,
    {
      cause: 'AWS took the Spot capacity back.',
      next: ['Run it again, or run it on FARGATE instead of FARGATE_SPOT.'],
    },
  ],
  [
    /RESOURCE:|Capacity is unavailable|No Container Instances were found/i,
    {
      cause: 'The cluster has no room for the task now.',
      next: [
        'Try again later, ask for less cpu or memory, or use other subnets (Availability Zones) or a capacity provider.',
      ],
    },
  ],
]

const EXIT_CODES: Readonly<Record<number, Advice>> = {
  126: { cause: 'The command was found but is not executable.', next: ['Make it executable in the image (chmod +x).'] },
  127: {
    cause: 'The command was not found in the image.',
    next: ['Check command and entrypoint; a slim image may lack the tool.'],
  },
  137: {
    cause: 'The container was killed (SIGKILL): out of memory, or it did not end within stopTimeout after SIGTERM.',
    next: ['Look at the memory use; raise memory, or handle SIGTERM.'],
  },
  139: {
    cause: 'The process crashed (segmentation fault).',
    next: ['Check native modules against the architecture and libc of the image.'],
  },
  143: {
    cause: 'The container was told to stop (SIGTERM), or a container that it depends on failed.',
    next: ['Look at the other containers and at the stop reason.'],
  },
}

/** What a container's own log lines tell. The other rows are about AWS's words: an application's time-out is not a pull's. */
const IN_LOGS = /exec format error|P1012|DATABASE_URL|OutOfMemory/

/** Advice for AWS's own words (reasons, events) and, failing that, for the container's last lines, then for its exit code. */
export function adviceFor(words: string, exitCode?: number, lastLines: readonly string[] = []): Advice | undefined {
  const adviceIn = (text: string): Advice | undefined => REASONS.find(([pattern]) => pattern.test(text))?.[1]
  const log = lastLines.filter(line => IN_LOGS.test(line)).join('\n')
  return adviceIn(words) ?? adviceIn(log) ?? (exitCode === undefined ? undefined : EXIT_CODES[exitCode])
}
