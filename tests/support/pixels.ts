import type { Page } from 'playwright-core'

interface Word { readonly text: string; readonly x: number; readonly y: number; readonly width: number; readonly height: number }

/** Where words stand: one box a line of each text node that can be seen and is not of something that cannot be used now. */
const wordsSeen = `(() => {
  const seen = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.textContent.trim(), parent = node.parentElement
    if (text === '' || parent.closest('script, style, option, .visually-hidden, .skip, .u-wrap, :disabled, [aria-disabled="true"]') || !parent.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue
    const range = document.createRange()
    range.selectNodeContents(node)
    // What has scrolled out of its box is not seen.
    const boxes = []
    for (let box = parent; box; box = box.parentElement) if (box !== document.body && box !== document.documentElement && getComputedStyle(box).overflowY !== 'visible') boxes.push(box.getBoundingClientRect())
    for (const { x, y, width, height } of range.getClientRects()) if (width > 6 && height > 6 && boxes.every((box) => x >= box.left - 1 && y >= box.top - 1 && x + width <= box.right + 1 && y + height <= box.bottom + 1)) seen.push({ text: text.slice(0, 40), x: x + scrollX, y: y + scrollY, width, height })
  }
  return seen
})()`

/** Per box: the colour that most pixels have is the ground; the colour farthest from it that strokes are really made of is the text. */
const measure = `async ({ image, words, ratio }) => {
  const bitmap = await createImageBitmap(await (await fetch('data:image/png;base64,' + image)).blob())
  const painter = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d', { willReadFrequently: true })
  painter.drawImage(bitmap, 0, 0)
  const linear = (channel) => { const share = channel / 255; return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4 }
  const luminance = (colour) => 0.2126 * linear(colour >> 16) + 0.7152 * linear(colour >> 8 & 255) + 0.0722 * linear(colour & 255)
  const contrast = (a, b) => { const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x); return (high + 0.05) / (low + 0.05) }
  const hex = (colour) => '#' + colour.toString(16).padStart(6, '0')
  return words.flatMap(({ text, x, y, width, height }) => {
    const [left, top, right, bottom] = [x * ratio, y * ratio, Math.min((x + width) * ratio, bitmap.width), Math.min((y + height) * ratio, bitmap.height)].map(Math.round)
    if (left < 0 || top < 0 || right - left < 6 || bottom - top < 6) return []
    const { data } = painter.getImageData(left, top, right - left, bottom - top)
    const counts = new Map()
    for (let at = 0; at < data.length; at += 4) { const colour = data[at] << 16 | data[at + 1] << 8 | data[at + 2]; counts.set(colour, (counts.get(colour) ?? 0) + 1) }
    const [ground] = [...counts].reduce((most, each) => (each[1] > most[1] ? each : most))
    const enough = Math.max(6, data.length / 4 * 0.004)
    const strokes = [...counts].filter(([colour, count]) => colour !== ground && count >= enough).map(([colour]) => colour)
    if (strokes.length === 0) return [{ text, contrast: 1, stroke: '', ground: hex(ground) }]
    const stroke = strokes.reduce((far, each) => (contrast(each, ground) > contrast(far, ground) ? each : far))
    return [{ text, contrast: Math.round(contrast(stroke, ground) * 100) / 100, stroke: hex(stroke), ground: hex(ground) }]
  })
}`

/** Words of the page, as it looks now, that stand out less than `least`:1. `reader`: a blank page, which has no CSP to keep it from reading pixels. */
export async function faintWords(page: Page, reader: Page, least: number): Promise<{ readonly measured: number; readonly faint: readonly { readonly text: string; readonly contrast: number }[] }> {
  // A chart that comes in late moves what stands below it: boxes and picture must be of one layout.
  let words = await page.evaluate<Word[]>(wordsSeen)
  let image = ''
  for (let before = ''; before !== JSON.stringify(words);) {
    before = JSON.stringify(words)
    image = (await page.screenshot({ fullPage: true, animations: 'disabled' })).toString('base64')
    words = await page.evaluate<Word[]>(wordsSeen)
  }
  const ratio = await page.evaluate<number>('devicePixelRatio')
  const read = await reader.evaluate<{ text: string; contrast: number }[]>(`(${measure})(${JSON.stringify({ image, words, ratio })})`)
  return { measured: read.length, faint: read.filter(({ contrast }) => contrast < least) }
}
