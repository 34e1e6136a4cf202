/*
 * CPU units and the memory (MiB) that Fargate offers with them.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html ("Task CPU and memory")
 */
const sizes: readonly { readonly cpu: number; readonly memory: readonly number[] }[] = [
  { cpu: 256, memory: [512, 1024, 2048] },
  { cpu: 512, memory: steps(1024, 4096, 1024) },
  { cpu: 1024, memory: steps(2048, 8192, 1024) },
  { cpu: 2048, memory: steps(4096, 16_384, 1024) },
  { cpu: 4096, memory: steps(8192, 30_720, 1024) },
  { cpu: 8192, memory: steps(16_384, 61_440, 4096) },
  { cpu: 16_384, memory: steps(32_768, 122_880, 8192) },
]

function steps(from: number, to: number, by: number): number[] {
  return Array.from({ length: (to - from) / by + 1 }, (_, index) => from + index * by)
}

/** Whether Fargate runs tasks of this size; units and MiB as in a task definition. */
export function isFargateSize(cpu: string, memory: string): boolean {
  return sizes.some(size => String(size.cpu) === cpu && size.memory.some(mebibytes => String(mebibytes) === memory))
}

/** CPU units: `256`, or `.25 vCPU` as AWS takes it too; undefined for anything else. */
export function cpuUnits(text: string): string | undefined {
  if (/^\d+$/.test(text)) return text
  const vcpu = /^(\d*\.?\d+) ?vcpu$/i.exec(text)
  return vcpu ? String(Number(vcpu[1]) * 1024) : undefined
}

/** MiB: `512`, or `1 GB`, `0.5GB` as AWS takes it too; undefined for anything else. */
export function memoryMebibytes(text: string): string | undefined {
  if (/^\d+$/.test(text)) return text
  const gigabytes = /^(\d*\.?\d+) ?gb$/i.exec(text)
  return gigabytes ? String(Number(gigabytes[1]) * 1024) : undefined
}
