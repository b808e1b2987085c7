import { describe, expect, it } from 'vitest'
import { importsOf, productionSources, violations } from './support/architecture.ts'

const sources = productionSources()

describe('the house', () => {
  it('holds to its plan', () => {
    expect(sources.length).toBeGreaterThan(80)
    expect(sources.flatMap(importsOf).length).toBeGreaterThan(200)
    expect(violations(sources)).toEqual([])
  })

  const planted: Readonly<Record<string, readonly [file: string, text: string]>> = {
    'a room that imports another': ['rules/engine.ts', `import { x } from '../cloud-sync/uplink.ts'`],
    'a type import is an import too': ['cloud-sync/uplink.ts', `import type { X } from '../rules/index.ts'`],
    'a driver that imports another': ['drivers/mqtt/driver.ts', `export * from '../modbus/codec.ts'`],
    'a room that reaches into the gateway': ['drivers/modbus/driver.ts', `const x = await import('../../gateway/pipeline.ts')`],
    'the gateway that reaches into a room': ['gateway/pipeline.ts', `import { createEngine } from '../rules/index.ts'`],
    'a contract that imports the kit': ['gateway/contract/values.ts', `import { x } from '../kit/index.ts'`],
    'a kit that imports a room': ['gateway/kit/clock.ts', `import { x } from '../pipeline.ts'`],
    'the composition root imported from below': ['gateway/control/server.ts', `import { startGateway } from '../main.ts'`],
    'a part of the composition root imported from below': ['gateway/pipeline.ts', `import { openStore } from './main/store.ts'`],
    'a simulator in production': ['gateway/main.ts', `import { startCity } from '../cloud-sync/simulator.ts'`],
    'a test in production': ['gateway/main.ts', `import { point } from '../tests/support/points.ts'`],
    'time that nobody injected': ['rules/engine.ts', `const now = Date.now()`],
    'a timer that nobody injected': ['cloud-sync/uplink.ts', `setTimeout(() => {}, 5)`],
    'chance that nobody injected': ['drivers/mqtt/broker.ts', `const n = Math.random()`],
    'an error without a code': ['gateway/live.ts', `throw new Error('x')`],
    'a decision on a message': ['gateway/live.ts', `if (error.message.includes('x')) return`],
    'the environment read in a room': ['cloud-sync/uplink.ts', `const url = process.env.URL`],
    'a silenced type checker': ['rules/engine.ts', `// @ts-ignore\nconst x: number = ''`],
    'a file nobody can read in one sitting': ['rules/engine.ts', '\n'.repeat(401)],
  }
  for (const [name, [file, text]] of Object.entries(planted)) {
    it(`would not pass ${name}`, () => {
      const others = sources.filter((source) => source.file !== file)
      expect(violations([...others, { file, text }]).map((violation) => violation.file)).toContain(file)
    })
  }
  it('would not pass a circle of imports', () => {
    const circle = [{ file: 'rules/a.ts', text: `import './b.ts'` }, { file: 'rules/b.ts', text: `import './a.ts'` }]
    expect(violations(circle).map(({ why }) => why)).toEqual([expect.stringContaining('rules/a.ts → rules/b.ts → rules/a.ts')])
  })
})
