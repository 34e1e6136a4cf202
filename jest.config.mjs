// ESM tests in TypeScript: swc strips the types, Node runs the modules as they are.
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/packages', '<rootDir>/actions', '<rootDir>/test'],
  testMatch: ['**/test/**/*.test.ts'],
  modulePathIgnorePatterns: ['/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2023',
          parser: { syntax: 'typescript' },
          // Node demands `with { type: 'json' }`.
          experimental: { keepImportAttributes: true },
        },
      },
    ],
    // GitHub's parser imports JSON without the attribute that Node demands and that jest asks for.
    '/@actions/workflow-parser/dist/.*-schema\\.js$': '<rootDir>/test/support/json-imports.mjs',
  },
  transformIgnorePatterns: ['/node_modules/(?!@actions/workflow-parser/dist/.*-schema\\.js$)'],
  // Of a hang; tests wait for what they need, and a busy machine may take its time.
  testTimeout: 180_000,
  // Most tests wait for something else than a processor.
  maxWorkers: 3,
  reporters: [['default', {}], '<rootDir>/test/support/parts-reporter.mjs'],
}
