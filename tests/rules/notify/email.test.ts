import { readFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createEmail } from '../../../rules/notify/email.ts'
import { authority, type Authority } from '../../support/certificates.ts'
import { freePort } from '../../support/resources.ts'
import { channel, message, never, ports, secret } from './support.ts'

interface Mail { readonly from: string; readonly to: readonly string[]; readonly text: string; readonly secure: boolean; readonly user: string | undefined }

async function mailServer(options: SMTPServerOptions = {}): Promise<{ readonly port: number; readonly mails: Mail[] }> {
  const mails: Mail[] = []
  const server = new SMTPServer({
    authOptional: true, logger: false,
    onAuth: ({ username, password }, _, done) => { if (username === 'duty' && password === 'p4ssw0rd-77') done(null, { user: username }); else done(new Error(`bad ${password}`)) },
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => { mails.push({ from: (session.envelope.mailFrom as { address: string }).address, to: session.envelope.rcptTo.map(({ address }) => address), text: Buffer.concat(chunks).toString(), secure: session.secure, user: session.user }); done() })
    },
    ...options,
  })
  server.on('error', () => {})
  const port = await new Promise<number>((resolve) => { server.listen(0, '127.0.0.1', () => resolve((server.server.address() as AddressInfo).port)) })
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return { port, mails }
}
const certificate = async (ours: Authority): Promise<{ cert: string; key: string }> => {
  const { cert, key } = await ours.issue('mail', '127.0.0.1')
  return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') }
}
const send = async (port: number, settings: object): Promise<unknown> => createEmail(channel('email', { host: '127.0.0.1', port, from: 'linli@estate.cn', to: ['duty@estate.cn', 'boss@estate.cn'], timeout: '3s', ...settings }), ports()).send(message(), never).then(() => 'sent', (thrown: unknown) => thrown)
const login = async (password = 'p4ssw0rd-77'): Promise<object> => ({ username: 'duty', password: await secret(password) })

describe('e-mail', () => {
  it('goes by STARTTLS with a password, to all', async () => {
    const ours = await authority()
    const { port, mails } = await mailServer(await certificate(ours))
    expect(await send(port, { ca: ours.ca, ...await login() })).toBe('sent')
    expect(mails).toMatchObject([{ from: 'linli@estate.cn', to: ['duty@estate.cn', 'boss@estate.cn'], secure: true, user: 'duty' }])
    const [{ text }] = mails as [Mail]
    expect(text).toMatch(/^Subject: =\?UTF-8\?/m)
    expect(text).toMatch(/^X-Priority: 1/m)
    expect(Buffer.from(text.split('\r\n\r\n')[1]!, 'base64').toString()).toContain('地点：hall')
  })
  it('goes by TLS from the first byte', async () => {
    const ours = await authority()
    const { port, mails } = await mailServer({ ...await certificate(ours), secure: true })
    expect(await send(port, { ca: ours.ca, security: 'tls' })).toBe('sent')
    expect(mails).toMatchObject([{ secure: true }])
  })
  it('goes in clear only when told to', async () => {
    const { port, mails } = await mailServer({ disabledCommands: ['STARTTLS'] })
    expect(await send(port, {})).toMatchObject({ code: 'NOTIFY_TLS', retriable: true })
    expect(mails).toEqual([])
    expect(await send(port, { security: 'none' })).toBe('sent')
  })
  it('trusts no unknown authority', async () => {
    const { port, mails } = await mailServer(await certificate(await authority()))
    expect(await send(port, await login())).toMatchObject({ code: 'NOTIFY_TLS' })
    expect(mails).toEqual([])
  })
  it('with a wrong password is refused for good, and nobody reads it', async () => {
    const ours = await authority()
    const { port } = await mailServer(await certificate(ours))
    const error = await send(port, { ca: ours.ca, ...await login('wr0ng-pass') })
    expect(error).toMatchObject({ code: 'NOTIFY_LOGIN', retriable: false })
    expect(`${String(error)}${JSON.stringify(error)}${(error as Error).stack}`).not.toContain('wr0ng-pass')
  })
  it.each([[450, 'NOTIFY_BUSY', true], [550, 'NOTIFY_REFUSED', false]])('whose server answers %i is %s', async (responseCode, code, retriable) => {
    const { port } = await mailServer({ onMailFrom: (_, __, done) => done(Object.assign(new Error('mailbox'), { responseCode })) })
    expect(await send(port, { security: 'none' })).toMatchObject({ code, retriable })
  })
  it('is given up in time when the server says nothing, or a little now and then', async () => {
    const sockets: Socket[] = []
    const silent = createServer((socket) => { sockets.push(socket); socket.on('error', () => {}) })
    const slow = createServer((socket) => { sockets.push(socket); socket.on('error', () => {}); const timer = setInterval(() => socket.write('220-wait\r\n'), 50); socket.on('close', () => clearInterval(timer)) })
    for (const server of [silent, slow]) {
      const port = await new Promise<number>((resolve) => { server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)) })
      expect(await send(port, { timeout: '400ms' })).toMatchObject({ code: 'NOTIFY_TIMEOUT', retriable: true })
    }
    for (const socket of sockets) socket.destroy()
    silent.close()
    slow.close()
  })
  it('to nobody is told as that', async () => {
    expect(await send(await freePort(), { security: 'none' })).toMatchObject({ code: 'NOTIFY_UNREACHABLE', retriable: true })
  })
})
