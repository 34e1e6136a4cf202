import { types } from 'node:util'
import { NormalizedSchema } from '@smithy/core/schema'

/*
 * The one module that knows how the SDK's client packages lay out the Smithy schemas which they export:
 *   operation [9, namespace, name, traits, input, output]
 *   structure [3 | 4 (union) | -3 (error), namespace, name, traits, memberNames, memberSchemas, requiredCount]
 * (required members come first). The layout is internal to the SDK, so its versions are pinned exactly and
 * `test/smithy.test.ts` checks it. Everything else is walked with the SDK's own NormalizedSchema.
 * The schemas hold no enums, lengths or patterns: services check those by hand.
 */

/** A Smithy shape, compiled for quick walks over big lists. */
export type Shape =
  | { readonly kind: 'structure'; readonly members: ReadonlyMap<string, Member>; readonly required: readonly string[] }
  | { readonly kind: 'list'; readonly item: Shape; readonly itemName: string }
  | { readonly kind: 'map'; readonly value: Shape }
  | { readonly kind: 'string' | 'number' | 'boolean' | 'timestamp' | 'blob' | 'document' }

export interface Member {
  readonly shape: Shape
  readonly sensitive: boolean
}

export interface OperationShapes {
  readonly input: Shape
  readonly output: Shape
  /** members anywhere in the input that AWS marks as sensitive */
  readonly sensitive: readonly string[]
}

/** What is wrong with a value, in the words of AWS's own validation errors. */
export interface Violation {
  /** `overrides.containerOverrides.1.member.name` as AWS writes paths */
  readonly path: string
  readonly constraint: string
}

const OPERATION = 9

/**
 * The operations in a client module of the SDK.
 * @throws Error when the module exports none: the SDK's layout has changed
 */
export function operationShapes(model: Readonly<Record<string, unknown>>): Map<string, () => OperationShapes> {
  const compiled = new Map<unknown, Shape>()
  const operations = new Map<string, () => OperationShapes>()
  for (const schema of Object.values(model)) {
    if (!Array.isArray(schema) || schema[0] !== OPERATION || typeof schema[2] !== 'string') continue
    let shapes: OperationShapes | undefined
    operations.set(schema[2], () => {
      if (!shapes) {
        const input = NormalizedSchema.of(schema[4])
        const sensitive = new Set<string>()
        collectSensitive(compile(input, compiled), sensitive, new Set())
        shapes = {
          input: compile(input, compiled),
          output: compile(NormalizedSchema.of(schema[5]), compiled),
          sensitive: [...sensitive],
        }
      }
      return shapes
    })
  }
  if (operations.size === 0)
    throw new Error('This module exports no Smithy operation: the layout of the SDK has changed')
  return operations
}

function compile(schema: NormalizedSchema, compiled: Map<unknown, Shape>): Shape {
  if (schema.isStructSchema()) {
    const raw: unknown = schema.getSchema()
    const known = compiled.get(raw)
    if (known) return known
    const members = new Map<string, Member>()
    const shape: Shape = { kind: 'structure', members, required: requiredMembers(raw) }
    compiled.set(raw, shape)
    for (const [name, member] of schema.structIterator()) {
      members.set(name, { shape: compile(member, compiled), sensitive: member.getMergedTraits().sensitive === 1 })
    }
    return shape
  }
  if (schema.isListSchema()) {
    const item = schema.getValueSchema()
    return { kind: 'list', item: compile(item, compiled), itemName: String(item.getMergedTraits().xmlName ?? 'member') }
  }
  if (schema.isMapSchema()) return { kind: 'map', value: compile(schema.getValueSchema(), compiled) }
  if (schema.isTimestampSchema()) return { kind: 'timestamp' }
  if (schema.isBlobSchema()) return { kind: 'blob' }
  if (schema.isBooleanSchema()) return { kind: 'boolean' }
  if (schema.isNumericSchema() || schema.isBigIntegerSchema() || schema.isBigDecimalSchema()) return { kind: 'number' }
  if (schema.isStringSchema()) return { kind: 'string' }
  if (schema.isUnitSchema()) return { kind: 'structure', members: new Map(), required: [] }
  return { kind: 'document' }
}

function requiredMembers(structure: unknown): string[] {
  if (!Array.isArray(structure) || !Array.isArray(structure[4])) return []
  const count: unknown = structure[6]
  return structure[4].slice(0, typeof count === 'number' ? count : 0).map(String)
}

function collectSensitive(shape: Shape, found: Set<string>, seen: Set<Shape>): void {
  if (seen.has(shape)) return
  seen.add(shape)
  if (shape.kind === 'list') collectSensitive(shape.item, found, seen)
  if (shape.kind === 'map') collectSensitive(shape.value, found, seen)
  if (shape.kind !== 'structure') return
  for (const [name, member] of shape.members) {
    if (member.sensitive) found.add(name)
    collectSensitive(member.shape, found, seen)
  }
}

/**
 * JSON of a request → the SDK's input type (dates and bytes as such).
 * Violations are added to `violations`; the value is usable only when there are none.
 */
export function decode(shape: Shape, value: unknown, violations: Violation[], path = ''): unknown {
  switch (shape.kind) {
    case 'structure':
      return decodeStructure(shape, value, violations, path)
    case 'list':
      if (!Array.isArray(value)) return violate(violations, path, 'Member must be a list')
      return value.map((item, index) => decode(shape.item, item, violations, `${path}.${index + 1}.member`))
    case 'map': {
      if (!isRecord(value)) return violate(violations, path, 'Member must be a map')
      const entries = Object.entries(value)
      return Object.fromEntries(
        entries.map(([key, item]) => [key, decode(shape.value, item, violations, `${path}.${key}`)]),
      )
    }
    case 'timestamp':
      if (typeof value !== 'number') return violate(violations, path, 'Member must be a timestamp (seconds since 1970)')
      return new Date(value * 1000)
    case 'blob':
      if (typeof value !== 'string') return violate(violations, path, 'Member must be base64')
      return new Uint8Array(Buffer.from(value, 'base64'))
    case 'document':
      return value
    default:
      if (typeof value !== shape.kind) return violate(violations, path, `Member must be a ${shape.kind}`)
      return value
  }
}

function decodeStructure(
  shape: Extract<Shape, { kind: 'structure' }>,
  value: unknown,
  violations: Violation[],
  path: string,
): unknown {
  if (!isRecord(value)) return violate(violations, path, 'Member must be a structure')
  const decoded: Record<string, unknown> = {}
  for (const name of Object.keys(value)) {
    const item = value[name]
    const member = shape.members.get(name)
    const at = path === '' ? name : `${path}.${name}`
    if (!member) violate(violations, at, 'Member is not known')
    else if (item !== null && item !== undefined) decoded[name] = decode(member.shape, item, violations, at)
  }
  for (const name of shape.required) {
    if (decoded[name] === undefined && (value[name] === undefined || value[name] === null)) {
      violate(violations, path === '' ? name : `${path}.${name}`, 'Member must not be null')
    }
  }
  return decoded
}

/** The SDK's output type → what JSON.stringify turns into the response; checks it on the way, as `decode` does. */
export function encode(
  shape: Shape,
  value: unknown,
  violations: Violation[],
  path = '',
  timestamp: (date: Date) => unknown = epochSeconds,
): unknown {
  switch (shape.kind) {
    case 'structure': {
      if (!isRecord(value)) return violate(violations, path, 'Member must be a structure')
      const encoded: Record<string, unknown> = {}
      for (const name of Object.keys(value)) {
        const item = value[name]
        if (item === undefined) continue
        const member = shape.members.get(name)
        if (!member) violate(violations, `${path}.${name}`, 'Member is not known')
        else encoded[name] = encode(member.shape, item, violations, `${path}.${name}`, timestamp)
      }
      for (const name of shape.required) {
        if (encoded[name] === undefined) violate(violations, `${path}.${name}`, 'Member must not be null')
      }
      return encoded
    }
    case 'list':
      if (!Array.isArray(value)) return violate(violations, path, 'Member must be a list')
      return value.map(item => encode(shape.item, item, violations, path, timestamp))
    case 'map': {
      if (!isRecord(value)) return violate(violations, path, 'Member must be a map')
      const entries = Object.entries(value).filter(([, item]) => item !== undefined)
      return Object.fromEntries(
        entries.map(([key, item]) => [key, encode(shape.value, item, violations, path, timestamp)]),
      )
    }
    case 'timestamp':
      if (!types.isDate(value)) return violate(violations, path, 'Member must be a Date')
      return timestamp(value)
    case 'blob':
      if (!types.isUint8Array(value)) return violate(violations, path, 'Member must be bytes')
      return Buffer.from(value).toString('base64')
    case 'document':
      return value
    default:
      if (typeof value !== shape.kind) return violate(violations, path, `Member must be a ${shape.kind}`)
      return value
  }
}

/** awsJson writes timestamps as epoch seconds with a fraction */
function epochSeconds(date: Date): number {
  return date.getTime() / 1000
}

/** AWS's text for input that breaks the model. */
export function violationText(violations: readonly Violation[]): string {
  const count = `${violations.length} validation error${violations.length === 1 ? '' : 's'} detected`
  return `${count}: ${violations.map(({ path, constraint }) => `Value at '${path}' failed to satisfy constraint: ${constraint}`).join('; ')}`
}

/** A value that may have members. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function violate(violations: Violation[], path: string, constraint: string): undefined {
  // a list of a million wrong items needs no million messages
  if (violations.length < 20) violations.push({ path: path.replace(/^\./, ''), constraint })
  return undefined
}
