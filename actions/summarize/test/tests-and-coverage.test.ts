import { describe, expect, test } from '@jest/globals'
import { needsJson, seen, summarize } from './summarize.ts'

const needs = needsJson({ test: 'success' })

async function pageOf(
  inputs: Readonly<Record<string, string>>,
  workspace: Readonly<Record<string, string>>,
): Promise<string> {
  const { summary, exitCode, stderr } = await summarize({ needs, ...inputs }, { workspace })
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  return summary
}

describe('JUnit XML', () => {
  test.concurrent('cases are counted, whatever the totals say; failed ones are shown with what they said', async () => {
    const summary = await pageOf(
      { junit: 'out/**/*.xml' },
      {
        'out/jest.xml': `<?xml version="1.0" encoding="UTF-8"?>
          <testsuites name="jest" tests="99" failures="0">
            <testsuite name="cart" tests="3"><properties><property name="a" value="b"/></properties>
              <testcase classname="cart adds" name="adds an item" time="0.5"/>
              <testcase classname="cart" name="pays" file="cart.test.ts" line="41" time="1,000.25">
                <failure message="expected 40 to be 35" type="AssertionError"><![CDATA[AssertionError: expected 40 to be 35
    at cart.test.ts:48:21]]></failure>
                <failure message="again"/>
              </testcase>
              <testcase name="later"><skipped message="not yet"/></testcase>
            </testsuite>
          </testsuites>`,
        'out/deep/pytest.xml': `\ufeff<testsuite name="pytest"><testcase classname="tests.test_api" name="test_up[a&amp;b]" time="0.25">
            <error message="">conftest.py:3: KeyError
more</error><system-out>noise &lt;</system-out></testcase>
            <testsuite name="inner"><testcase name="in"/></testsuite><testcase/></testsuite>`,
      },
    )
    const text = seen(summary).replace(/[ \n]+/g, ' ')
    expect(text).toContain('❌ 3 passed, 2 failed, 1 skipped in 16m 41s')
    expect(text).toContain('❌ pays · cart, cart.test.ts:41 AssertionError: expected 40 to be 35 at cart.test.ts:48:21')
    expect(text).toContain('❌ test_up[a&b] · tests.test_api conftest.py:3: KeyError more')
    expect(text).toContain('out/deep/pytest.xml 2 1 0 250ms')
    expect(text).toContain('out/jest.xml 1 1 1 16m 41s')
    expect(text).not.toContain('noise')
  })

  test.concurrent('broken files are named and skipped, entities are not expanded, nothing found is said', async () => {
    const text = seen(
      await pageOf(
        { junit: '*.xml\n*.nothing' },
        {
          'a.xml': '<testsuite><testcase name="x"></testsuite>',
          'b.xml': '<html><body/></html>',
          'c.xml': '<!DOCTYPE t [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>',
          'd.xml':
            '<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]><testsuite><testcase name="y"><failure>&x;</failure></testcase></testsuite>',
          'e.xml': '',
          'f.xml': '<testsuite><testcase name="cut',
          'ok.xml': '<testsuite><testcase name="y"/></testsuite>',
        },
      ),
    )
    expect(text).toContain('✅ 1 passed, 0 failed, 0 skipped')
    expect(text).toContain('Tests: no file matches *.nothing.')
    expect(text).toContain('Tests: b.xml: it is no JUnit XML: its root is html, not testsuites or testsuite.')
    for (const name of ['a', 'c', 'd', 'e', 'f']) expect(text).toContain(`Tests: ${name}.xml: `)
    expect(text).not.toMatch(/root:|aaaa/)
  })

  test.concurrent('ten thousand cases, a thousand failures: the page stays readable', async () => {
    const cases = Array.from({ length: 10_000 }, (_, index) =>
      index % 10 === 0
        ? `<testcase name="case ${index}"><failure message="no">${'stack\n'.repeat(200)}</failure></testcase>`
        : `<testcase name="case ${index}"/>`,
    )
    const summary = await pageOf({ junit: 'x.xml' }, { 'x.xml': `<testsuite>${cases.join('')}</testsuite>` })
    expect(seen(summary)).toContain('❌ 9000 passed, 1000 failed, 0 skipped')
    expect(seen(summary)).toContain('… and 800 more that failed')
    expect(Buffer.byteLength(summary)).toBeLessThan(300_000)
  })
})

describe('coverage', () => {
  const statement = { start: { line: 1, column: 0 }, end: { line: 1, column: 9 } }
  const at = (line: number): object => ({ start: { line, column: 0 }, end: { line, column: 9 } })
  const final = {
    '/src/a.ts': {
      path: '/src/a.ts',
      statementMap: { 0: at(1), 1: at(2), 2: at(3), 3: at(3) },
      fnMap: { 0: { name: 'f', decl: statement, loc: statement, line: 1 } },
      branchMap: { 0: { type: 'if', loc: statement, locations: [statement, statement], line: 1 } },
      s: { 0: 1, 1: 0, 2: 4, 3: 4 },
      f: { 0: 2 },
      b: { 0: [1, 0] },
    },
  }
  const rows: readonly [string, string, string][] = [
    [
      'cobertura.xml',
      '<?xml version="1.0"?><!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">\n<coverage lines-valid="200" lines-covered="151" branches-valid="0" branches-covered="0" line-rate="0.755"><packages/></coverage>',
      'Cobertura 75.5 % (151 of 200) none –',
    ],
    [
      'lcov.info',
      'TN:\nSF:a.ts\nFNF:2\nFNH:1\nDA:1,1\nLF:3\nLH:3\nend_of_record\nSF:b.ts\r\nLF:3\r\nLH:2\r\nend_of_record\r\n',
      'LCOV 83.3 % (5 of 6) – 50.0 % (1 of 2)',
    ],
    ['coverage-final.json', JSON.stringify(final), 'Istanbul 66.6 % (2 of 3) 50.0 % (1 of 2) 100.0 % (1 of 1)'],
    [
      'coverage-summary.json',
      JSON.stringify({
        total: {
          lines: { total: 3000, covered: 2999, skipped: 0, pct: 99.96 },
          branches: { total: 0, covered: 0, skipped: 0, pct: 'Unknown' },
          functions: { total: 4, covered: 3, skipped: 0, pct: 75 },
          statements: { total: 1, covered: 1, skipped: 0, pct: 100 },
        },
      }),
      // Never rounded up to what it is not.
      'Istanbul 99.9 % (2999 of 3000) none 75.0 % (3 of 4)',
    ],
  ]

  test.concurrent('every form', async () => {
    const summary = await pageOf(
      { coverage: 'c/*' },
      Object.fromEntries(rows.map(([name, text]) => [`c/${name}`, text])),
    )
    const text = seen(summary).replace(/\s+/g, ' ')
    for (const [name, , shown] of rows) expect(text).toContain(`c/${name} ${shown}`)
    expect(text).not.toContain('Coverage:')
  })

  test.concurrent('what is none is named and skipped', async () => {
    const text = seen(
      await pageOf(
        { coverage: 'c/*\nnothing/*' },
        {
          'c/junit.xml': '<testsuite/>',
          'c/no-totals.xml': '<coverage version="1"/>',
          'c/package.json': '{"name":"x"}',
          'c/broken.json': '{"total":',
          'c/proto.json': '{"__proto__":{"statementMap":{}}}',
          'c/readme.md': 'SF:but no end',
          'c/empty': '',
        },
      ),
    )
    expect(text).toContain('Coverage: no file matches nothing/*.')
    expect(text).toContain('c/junit.xml: it is no Cobertura report: its root is testsuite, not coverage.')
    for (const name of ['no-totals.xml', 'package.json', 'broken.json', 'proto.json', 'readme.md', 'empty'])
      expect(text).toContain(`Coverage: c/${name}: `)
    expect(text).not.toContain('Coverage File')
  })
})

test.concurrent('globs: absolute ones, of the runner folder, the same file by two', async () => {
  const { summary } = await summarize(
    {
      needs,
      junit: '${RUNNER_TEMP}/out/*.xml\n$RUNNER_TEMP/out/a.xml\n$RUNNER_TEMP//out/../out/a.xml',
      coverage: '/no/such/folder/*',
    },
    { files: { 'out/a.xml': '<testsuite><testcase name="y"/></testsuite>' } },
  )
  expect(seen(summary)).toContain('✅ 1 passed, 0 failed, 0 skipped')
  expect(seen(summary)).toContain('Coverage: no file matches /no/such/folder/*.')
})
