import { access } from 'node:fs/promises'
import path from 'node:path'
import { SerialPort } from 'serialport'
import { onTestFinished } from 'vitest'
import { child, tempFolder } from './resources.ts'

/** Two ends of a serial line, made by socat, gone when the test ends. */
export async function ptyPair(): Promise<{ readonly gateway: string; readonly device: string; unplug(): void }> {
  const folder = await tempFolder()
  const [gateway, device] = [path.join(folder, 'gateway'), path.join(folder, 'device')]
  const socat = child('socat', [`pty,raw,echo=0,link=${gateway}`, `pty,raw,echo=0,link=${device}`])
  for (;;) {
    const made = await Promise.all([gateway, device].map((file) => access(file).then(() => true, () => false)))
    if (made.every(Boolean)) return { gateway, device, unplug: () => { socat.kill('SIGKILL') } }
    if (socat.exitCode !== null) throw new Error(`socat ended with ${socat.exitCode}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

export interface SerialPeer { write(bytes: Uint8Array): void; readonly heard: Buffer[] }

/** The device's end in the hands of the test: `hear` gets each chunk that comes. */
export async function serialPeer(device: string, hear: (chunk: Buffer, write: (bytes: Uint8Array) => void) => void): Promise<SerialPeer> {
  const port = new SerialPort({ path: device, baudRate: 115_200, autoOpen: false })
  await new Promise<void>((resolve, reject) => port.open((error) => { if (error) reject(error); else resolve() }))
  onTestFinished(() => new Promise<void>((resolve) => { if (port.isOpen) port.close(() => resolve()); else resolve() }))
  port.on('error', () => {})
  const heard: Buffer[] = []
  const write = (bytes: Uint8Array): void => { if (port.isOpen) port.write(Buffer.from(bytes)) }
  port.on('data', (chunk: Buffer) => { heard.push(chunk); hear(chunk, write) })
  return { write, heard }
}
