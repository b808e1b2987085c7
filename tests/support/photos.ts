import { openDecoder, openEncoder, type Picture } from '../../gateway/photos/codec.ts'

let encoder: ReturnType<typeof openEncoder> | undefined
let decoder: ReturnType<typeof openDecoder> | undefined

/** A red left half and a blue right half; with `noise`, chance instead, which no codec makes small. */
export async function jpeg(width: number, height: number, { noise = false, quality = 80 } = {}): Promise<Buffer> {
  const encode = await (encoder ??= openEncoder())
  const data = new Uint8ClampedArray(width * height * 4)
  let seed = 1
  for (let at = 0; at < data.length; at += 4) {
    const left = (at / 4) % width < width / 2
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
    if (noise) { data[at] = seed >> 8 & 255; data[at + 1] = seed >> 13 & 255; data[at + 2] = seed >> 18 & 255 } else data[at + (left ? 0 : 2)] = 255
    data[at + 3] = 255
  }
  return Buffer.from(await encode({ data, width, height }, quality))
}

export const pixels = async (bytes: Uint8Array): Promise<Picture> => (await (decoder ??= openDecoder(() => {})))(bytes)

/** An EXIF segment with a position, right after SOI, as a camera writes it. `orientation` as in EXIF 2.3: 6 is turned by 90°. */
export function withExif(bytes: Buffer, orientation = 1, words = 'N 30.5928 E 114.3055'): Buffer {
  const tiff = Buffer.alloc(26)
  tiff.write('MM\0*', 'latin1')
  tiff.writeUInt32BE(8, 4)
  tiff.writeUInt16BE(1, 8)
  tiff.writeUInt16BE(0x0112, 10); tiff.writeUInt16BE(3, 12); tiff.writeUInt32BE(1, 14); tiff.writeUInt16BE(orientation, 18)
  const body = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff, Buffer.from(`GPS ${words}`)])
  const head = Buffer.from([0xff, 0xe1, 0, 0])
  head.writeUInt16BE(body.length + 2, 2)
  return Buffer.concat([bytes.subarray(0, 2), head, body, bytes.subarray(2)])
}

/** The same file, saying that it is that large. */
export function claiming(bytes: Buffer, width: number, height: number): Buffer {
  const out = Buffer.from(bytes)
  for (let at = 2; at < out.length;) {
    if (out[at + 1]! >= 0xc0 && out[at + 1]! <= 0xc2) { out.writeUInt16BE(height, at + 5); out.writeUInt16BE(width, at + 7); return out }
    at += 2 + out.readUInt16BE(at + 2)
  }
  return out
}
