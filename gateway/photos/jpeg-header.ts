import { DataError } from '../kit/index.ts'

export interface JpegSize { readonly width: number; readonly height: number }

/** Frames that the codec decodes: baseline, extended sequential, progressive; Huffman, 8 bits (ITU-T T.81, table B.1). */
const frames = new Set([0xc0, 0xc1, 0xc2])
/** Segments that may stand before the frame: DHT, DQT, DRI, APPn, COM. */
const mayPrecede = (marker: number): boolean => marker === 0xc4 || marker === 0xdb || marker === 0xdd || (marker >= 0xe0 && marker <= 0xef) || marker === 0xfe

/**
 * How large a JPEG says it is, before a byte of it is decoded: a few hundred bytes can claim 65,535 × 65,535 pixels. Stricter than
 * decoders, so that both read the same frame. Throws DataError PHOTO_INVALID.
 */
export function jpegSize(bytes: Uint8Array): JpegSize {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const no = (): never => { throw invalid() }
  if (bytes.length < 4 || view.getUint16(0) !== 0xffd8) no()
  for (let at = 2; at + 4 <= bytes.length;) {
    if (bytes[at] !== 0xff) no()
    const marker = bytes[at + 1]!
    // Any number of fill bytes may stand before a marker (B.1.1.2).
    if (marker === 0xff) { at++; continue }
    const length = view.getUint16(at + 2)
    if (length < 2) no()
    if (frames.has(marker)) {
      if (length < 11 || at + 2 + length > bytes.length || bytes[at + 4] !== 8) no()
      const [height, width] = [view.getUint16(at + 5), view.getUint16(at + 7)]
      // Height 0 is told later, by DNL: no camera does that.
      return width > 0 && height > 0 ? { width, height } : no()
    }
    if (!mayPrecede(marker)) no()
    at += 2 + length
  }
  return no()
}

export const invalid = (cause?: unknown): DataError => new DataError('PHOTO_INVALID', 'this is no JPEG that can be read whole; take the photo again, or send it as JPEG', cause === undefined ? {} : { cause })
