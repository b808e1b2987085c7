import fc from 'fast-check'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { openCatalogue, readServices, servicesOf } from '../../../rules/kiosks/catalogue.ts'
import { tempFolder } from '../../support/resources.ts'

describe('the catalogue of services', () => {
  it('is a table with columns in any order, or a list', () => {
    expect(servicesOf('en,分类,code,zh\nsenior card,民政,senior-card,老年卡办理\n').services).toEqual([{ code: 'senior-card', name: { zh: '老年卡办理', en: 'senior card' } }])
    expect(openCatalogue([{ code: 'a', name: { zh: '甲', en: 'a' } }]).get('a')?.name.zh).toBe('甲')
  })
  it('is read as Chinese spreadsheets save it', async () => {
    const file = path.join(await tempFolder(), 'services.csv')
    // GB18030 of 编码;中文;英文 and 老年卡.
    const gbk = Buffer.concat([Buffer.from([0xb1, 0xe0, 0xc2, 0xeb, 0x3b, 0xd6, 0xd0, 0xce, 0xc4, 0x3b, 0xd3, 0xa2, 0xce, 0xc4, 0x0d, 0x0a]), Buffer.from('a;'), Buffer.from([0xc0, 0xcf, 0xc4, 0xea, 0xbf, 0xa8]), Buffer.from(';senior card\r\n')])
    await writeFile(file, gbk)
    expect(readServices(file)).toEqual({ services: [{ code: 'a', name: { zh: '老年卡', en: 'senior card' } }], problems: [] })
    await writeFile(file, '\ufeffcode,zh,en\r\na,老年卡,senior card\r\n')
    expect(readServices(file).services).toHaveLength(1)
  })
  it('says on which line something is wrong', () => {
    expect(servicesOf('code,zh\na,甲\n').problems).toMatchObject([{ line: 1, message: expect.stringContaining('columns code, zh and en') }])
    expect(servicesOf('code,zh,en\na,甲,a\n\na,乙,b\n,丙,c\nd,,\n').problems.map(({ line }) => line)).toEqual([4, 5, 6])
    expect(servicesOf('code,zh,en\n"a,甲,a\n').problems).toHaveLength(1)
    expect(() => openCatalogue({ file: '/nowhere/services.csv' })).toThrow(/services\.csv:1: no such file/)
  })
  it('never throws for what is in a file', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.string().map((text) => `code,zh,en\n${text}`)), (text) => { servicesOf(text) }))
  })
})
