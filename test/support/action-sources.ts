import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Action, InputError, InputReader } from '@aws-deploy-actions/action-runtime'
import ts from 'typescript'
import { reachableFrom, root, sourcesBelow } from './module-graph.ts'

/** The names of inputs and outputs that an action's code uses. */
export interface NamesInCode {
  readonly inputs: ReadonlySet<string>
  readonly outputs: ReadonlySet<string>
  /** IAM actions that `call` is made with */
  readonly iamActions: ReadonlySet<string>
}

/** Looks at every source file that the action's entries lead to, and lets it read its inputs. */
export async function namesInCode(action: string): Promise<NamesInCode> {
  const entries = sourcesBelow(`actions/${action}/src`)
  const files = new Set(entries.flatMap(entry => [...reachableFrom(entry)]))
  const inputs = inputsRead(await exportedAction(action))
  const outputs = new Set<string>()
  const iamActions = new Set<string>()
  for (const path of files) {
    const text = readFileSync(join(root, path), 'utf8')
    for (const { on, callee, first } of callsWithText(path, text)) {
      // What the runtime reads itself, beside the action's readInputs.
      if (on === 'input' && callee !== 'variable') inputs.add(first)
      if (/^(?:output|announce)$/.test(callee)) outputs.add(first)
      if (callee === 'call') iamActions.add(first)
    }
  }
  return { inputs, outputs, iamActions }
}

/** The `Action` that src/main.ts exports, by whatever name. */
async function exportedAction(action: string): Promise<Pick<Action<unknown, unknown>, 'readInputs'>> {
  const exported: unknown = await import(join(root, 'actions', action, 'src/main.ts'))
  for (const value of Object.values(typeof exported === 'object' && exported !== null ? exported : {})) {
    if (isAction(value)) return value
  }
  throw new Error(`actions/${action}/src/main.ts exports no action`)
}

function isAction(value: unknown): value is Pick<Action<unknown, unknown>, 'readInputs'> {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'readInputs') === 'function'
}

/** What is read depends on what is given, so it is tried with nothing, and with values of several forms for everything. */
const VALUES = ['', 'x', 'true', '1', '10m', 'public', 'none', 'KEY=VALUE']

function inputsRead(action: Pick<Action<unknown, unknown>, 'readInputs'>): Set<string> {
  const read = new Set<string>()
  for (const value of VALUES) {
    const variables = new Proxy<Record<string, string | undefined>>(
      {},
      {
        get: (_, name) => {
          if (typeof name !== 'string' || !name.startsWith('INPUT_')) return undefined
          read.add(name.slice('INPUT_'.length).toLowerCase())
          return value
        },
      },
    )
    const input = new InputReader(variables)
    try {
      action.readInputs(input)
      input.finish()
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      for (const problem of error.problems) read.add(problem.input)
    }
  }
  return read
}

/** Calls whose first argument is a text: `runtime.output('status', …)` is `output` on `runtime`. */
function callsWithText(path: string, text: string): { on: string; callee: string; first: string }[] {
  const found: { on: string; callee: string; first: string }[] = []
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest)
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const [first] = node.arguments
      const { expression } = node
      const [on, callee] = ts.isPropertyAccessExpression(expression)
        ? [expression.expression.getText(source), expression.name.text]
        : ['', expression.getText(source)]
      if (first !== undefined && ts.isStringLiteralLike(first)) found.push({ on, callee, first: first.text })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return found
}
