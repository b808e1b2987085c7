import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { controlClient } from '../../gateway/control/client.ts'

const nobody = 65_534
const asRoot = process.getuid?.() === 0

/** What a client is told by a socket that its user may not open. Root may open any: there a process of nobody's asks. */
async function told(socket: string): Promise<string> {
  if (!asRoot) return controlClient(socket).status().then(() => 'answered', (error: { code?: string; message: string }) => `${error.code} ${error.message}`)
  const client = path.resolve(import.meta.dirname, '../../gateway/control/client.ts')
  const script = `const { controlClient } = await import(${JSON.stringify(client)}); process.setgroups([]); process.setgid(${nobody}); process.setuid(${nobody}); await controlClient(${JSON.stringify(socket)}).status().then(() => console.log('answered'), ({ code, message }) => console.log(code, message))`
  return new Promise((resolve) => execFile(process.execPath, ['--input-type=module', '-e', script], (_, stdout, stderr) => resolve(stdout || stderr)))
}

describe('a control socket', () => {
  it('that this user may not open is told as that, with who may; one that is not there as no gateway', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'linli-socket-'))
    const socket = path.join(folder, 'linli.sock')
    const server = createServer((peer) => peer.destroy())
    try {
      await chmod(folder, 0o755)
      await new Promise<void>((resolve) => server.listen(socket, resolve))
      await chmod(socket, 0)
      expect(await told(socket)).toMatch(/^CONTROL_FORBIDDEN you are not allowed to open .*linli\.sock; run it as the gateway's user, as a member of its group, or with sudo/)
      await chmod(folder, 0o700)
      if (asRoot) expect(await told(socket)).toMatch(/^CONTROL_FORBIDDEN/)
      await expect(controlClient(path.join(folder, 'other.sock')).status()).rejects.toMatchObject({ code: 'CONTROL_UNREACHABLE' })
    } finally {
      await new Promise((resolve) => server.close(resolve))
      await rm(folder, { recursive: true, force: true })
    }
  })
})
