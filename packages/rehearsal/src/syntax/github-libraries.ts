/**
 * GitHub's own parser, schemas and expression evaluator. They import JSON without the attribute that Node demands
 * (actions/languageservices), so it is added here before they are loaded.
 */
import { registerHooks } from 'node:module'

try {
  registerHooks({
    load: (url, context, next) =>
      url.endsWith('.json') && url.includes('/@actions/')
        ? next(url, { ...context, importAttributes: { type: 'json' } })
        : next(url, context),
  })
} catch {
  // jest has a module loader of its own, which refuses hooks and takes JSON as it is.
}

export const { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow, ...guards } = await import(
  '@actions/workflow-parser'
)
export const { parseAction } = await import('@actions/workflow-parser/actions/action-parser')
export const { convertActionTemplate } = await import('@actions/workflow-parser/actions/action-template')
export const { convertReferencedWorkflow } = await import('@actions/workflow-parser/model/converter/referencedWorkflow')
export const { Evaluator, Lexer, Parser, data } = await import('@actions/expressions')
