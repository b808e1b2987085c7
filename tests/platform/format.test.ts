import { readdirSync, readFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { zstdDecompressSync } from 'node:zlib'
import { Ajv, type AnySchema } from 'ajv'
import { HTTP, type CloudEvent } from 'cloudevents'
import { describe, expect, it } from 'vitest'
import specs from '@asyncapi/specs'
import { asyncApi } from '../../cloud-sync/contract-docs/asyncapi.ts'
import { fixtures } from '../../cloud-sync/contract-docs/fixtures.ts'
import { messageNames } from '../../cloud-sync/contract-docs/messages.ts'
import { recordNames } from '../../cloud-sync/contract-docs/records.ts'
import { createVerifier } from '../../cloud-sync/verify/verifier.ts'
import { importsOf, productionSources, root } from '../support/architecture.ts'
import { formats, schemaChecks } from './schemas.ts'

const folder = path.join(root, 'docs/platform')
const committed = (file: string): Buffer => readFileSync(path.join(folder, 'fixtures', file))
const plain = (bytes: Uint8Array): Buffer => (bytes[0] === 0x28 ? zstdDecompressSync(bytes) : Buffer.from(bytes))
const isRecord = (topic: string): boolean => topic.includes('/up/')

describe('docs/platform', () => {
  it('is what the code says', () => {
    const check = spawnSync(process.execPath, ['scripts/platform-docs.ts', '--check'], { cwd: root, encoding: 'utf8' })
    expect(check.stderr).toBe('')
    expect(check.status).toBe(0)
  })
  it('has an AsyncAPI 3 document that its own specification accepts', () => {
    const ajv = formats(new Ajv({ strict: false, allErrors: true }))
    const validate = ajv.compile(specs.schemasWithoutId['3.0.0'] as AnySchema)
    validate(asyncApi('1.0.0'))
    expect(validate.errors ?? []).toEqual([])
    expect(validate({ ...asyncApi('1.0.0'), channels: 'none' })).toBe(false)
  })
  it('has every link of that document: channels, messages, schema files', () => {
    const document = JSON.parse(readFileSync(path.join(folder, 'asyncapi.json'), 'utf8')) as object
    const refs = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref]) => ref!)
    expect(refs.length).toBeGreaterThan(50)
    for (const ref of refs) {
      if (ref.startsWith('#/')) expect(ref.slice(2).split('/').reduce<any>((at, key) => at?.[key], document), ref).toBeDefined()
      else expect(JSON.parse(readFileSync(path.join(folder, ref), 'utf8')), ref).toHaveProperty('$id')
    }
  })
  it('has no dead link in its pages', () => {
    for (const page of readdirSync(folder).filter((name) => name.endsWith('.md'))) {
      const links = [...readFileSync(path.join(folder, page), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link]) => link!)
      for (const link of links) expect(() => readFileSync(path.join(folder, link)), `${page}: ${link}`).not.toThrow()
    }
  })
  it('is never loaded by the gateway', () => {
    const users = productionSources().filter(({ file }) => !file.startsWith('cloud-sync/contract-docs/'))
    expect(users.filter((source) => importsOf(source).some((to) => to.startsWith('cloud-sync/contract-docs/'))).map(({ file }) => file)).toEqual([])
  })
})

describe('the golden fixtures', () => {
  const all = fixtures()
  const checks = schemaChecks()
  it('are there for every type', () => {
    expect(new Set(all.map(({ schema }) => schema))).toEqual(new Set([...recordNames, ...messageNames]))
    expect(all.some(({ bytes }) => bytes[0] === 0x28)).toBe(true)
  })
  for (const { file, schema, topic, bytes } of all) {
    it(`${file} is, byte for byte, what the encoder writes`, () => {
      if (file.endsWith('.zst')) expect(plain(committed(file))).toEqual(plain(bytes))
      else expect(committed(file)).toEqual(Buffer.from(bytes))
    })
    it(`${file} holds to its schema, and to the schema of no other type`, () => {
      const value: unknown = JSON.parse(plain(committed(file)).toString())
      expect(checks.errors(schema, value)).toEqual([])
      if (isRecord(topic)) expect(recordNames.filter((name) => checks.errors(name, value).length === 0)).toEqual([schema])
    })
    if (isRecord(topic)) {
      it(`${file} is a CloudEvent to somebody else's parser`, () => {
        const body = plain(committed(file)).toString()
        const event = HTTP.toEvent({ headers: { 'content-type': 'application/cloudevents+json' }, body })
        if (Array.isArray(event)) throw new TypeError('a batch')
        expect((event as CloudEvent).validate()).toBe(true)
        const sent = JSON.parse(body) as { readonly [key: string]: unknown }
        // Its own parser turns the time into a Date and back.
        expect(JSON.parse(JSON.stringify(event))).toEqual(sent)
        const own = new Set(['specversion', 'id', 'source', 'type', 'time', 'datacontenttype', 'subject', 'data', 'dataschema'])
        for (const [name, value] of Object.entries(sent)) if (!own.has(name)) { expect(name).toMatch(/^[a-z0-9]{1,20}$/); expect(['string', 'number', 'boolean']).toContain(typeof value) }
      })
    }
  }
  it('are a life without a hole that a verifier accepts, with the gap they declare', () => {
    const verifier = createVerifier()
    for (const { topic, bytes } of all.filter((one) => isRecord(one.topic))) expect(verifier.accept(topic, bytes), topic).not.toBeNull()
    expect(verifier.report()).toMatchObject({ holes: [], chainBreaks: [], duplicates: 0, invalid: 0, gaps: 1 })
  })
})
