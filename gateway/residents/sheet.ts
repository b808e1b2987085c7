import qrcode from 'qrcode-generator'
import type { Label } from '../contract/index.ts'
import { escapeHtml } from '../kit/html.ts'
import { words } from './words.ts'

export interface PrintedCode { readonly target: string; readonly name: Label; readonly url: string; readonly generation: number }

/** Dark modules by row, without the quiet zone. M: 15 % may be dirty or torn. */
export function modulesOf(text: string): readonly (readonly boolean[])[] {
  const code = qrcode(0, 'M')
  code.addData(text)
  code.make()
  const size = Array.from({ length: code.getModuleCount() }, (_, index) => index)
  return size.map((row) => size.map((column) => code.isDark(row, column)))
}

const quiet = 4
/** ISO/IEC 18004 asks for a quiet zone of four modules. */
function svgOf(text: string): string {
  const rows = modulesOf(text)
  const size = rows.length + 2 * quiet
  const path = rows.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x + quiet} ${y + quiet}h1v1h-1z`] : []))).join('')
  return `<svg viewBox="0 0 ${size} ${size}" role="img" aria-label="QR" shape-rendering="crispEdges"><rect width="${size}" height="${size}" fill="#fff"/><path d="${path}"/></svg>`
}

/** For a terminal: two rows of modules a line, dark on light whatever its colours. */
export function textOf(text: string): string {
  const rows = modulesOf(text)
  const side = Array.from({ length: rows.length + 2 * quiet }, (_, index) => index - quiet)
  const dark = (x: number, y: number): boolean => rows[y]?.[x] ?? false
  const line = (y: number): string => side.map((x) => [' ', '▄', '▀', '█'][(dark(x, y) ? 0 : 2) + (dark(x, y + 1) ? 0 : 1)]).join('')
  return side.filter((y) => (y + quiet) % 2 === 0).map(line).join('\n')
}

const style = `
@page { size: A4; margin: 12mm; }
body { margin: 0; color: #000; font: 14pt/1.4 system-ui, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; }
.codes { display: grid; grid-template-columns: 1fr 1fr; gap: 6mm; }
article { border: 1pt dashed #666; border-radius: 3mm; padding: 5mm; text-align: center; break-inside: avoid; overflow-wrap: anywhere; }
h2 { font-size: 20pt; line-height: 1.2; margin: 0 0 1mm; } p { margin: 0; } svg { width: 62mm; max-width: 100%; height: auto; }
.en { font-size: 11pt; } .address { font: 8pt monospace; }`

/** A sheet of A4 to be cut up: four codes a page, each with what it is for in both languages and the address to be typed. */
export function sheetHtml(site: Label, codes: readonly PrintedCode[]): string {
  const cards = codes.map(({ name, url }) => `<article><h2>${escapeHtml(name.zh)}</h2><p class="en">${escapeHtml(name.en)}</p>${svgOf(url)}<p>${words.sheetTitle.zh}</p><p class="en">${words.sheetTitle.en}</p><p class="en">${words.sheetNetwork.zh} · ${words.sheetNetwork.en}</p><p class="address">${escapeHtml(url)}</p></article>`).join('\n')
  return `<!doctype html>
<html lang="zh"><head><meta charset="utf-8"><title>${escapeHtml(site.zh)} · ${words.sheetTitle.zh}</title><style>${style}</style></head>
<body><div class="codes">
${cards}
</div></body></html>
`
}
