import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import * as decoder from '@jsquash/jpeg/decode.js'
import * as encoder from '@jsquash/jpeg/encode.js'

/** RGBA, row by row. */
export interface Picture { readonly data: Uint8ClampedArray<ArrayBuffer>; readonly width: number; readonly height: number }

/** MozJPEG in WebAssembly. The package's own types are those of a browser's window; these are what is used. */
interface Decoder { init(module: object, options: { printErr(line: string): void }): Promise<void>; default(bytes: ArrayBuffer, options: { preserveOrientation: boolean }): Promise<Picture> }
interface Encoder { init(module: object): Promise<void>; default(picture: Picture, options: { quality: number; baseline: boolean; progressive: boolean; trellis_multipass: boolean }): Promise<ArrayBuffer> }
const { init: initDecoder, default: decode } = decoder as unknown as Decoder
const { init: initEncoder, default: encode } = encoder as unknown as Encoder
const { WebAssembly } = globalThis as unknown as { readonly WebAssembly: { readonly Module: new (bytes: Uint8Array) => object } }

const require = createRequire(import.meta.url)
/** Read here, since the package would fetch it from a web server. */
const wasm = (name: string): object => new WebAssembly.Module(readFileSync(require.resolve(`@jsquash/jpeg/codec/${name}`)))

/** `complain`: the decoder says of a picture that breaks off only that it does, and paints the rest grey. Upright, as the camera was held. */
export async function openDecoder(complain: () => void): Promise<(bytes: Uint8Array) => Promise<Picture>> {
  await initDecoder(wasm('dec/mozjpeg_dec.wasm'), { printErr: complain })
  return (bytes) => decode(Uint8Array.from(bytes).buffer, { preserveOrientation: true })
}

export async function openEncoder(): Promise<(picture: Picture, quality: number) => Promise<Uint8Array>> {
  await initEncoder(wasm('enc/mozjpeg_enc.wasm'))
  return async (picture, quality) => new Uint8Array(await encode(picture, { quality, baseline: true, progressive: false, trellis_multipass: false }))
}
