import { isScalar } from 'yaml'

/** Where the character `index` of a scalar's text stands in the file; null where that cannot be told: folded text, escapes. */
export function offsetInText(node: unknown, source: string, index: number): number | null {
  if (!isScalar(node) || typeof node.value !== 'string' || !node.range) return null
  const [start, end] = node.range
  switch (node.type) {
    case 'PLAIN': return source.startsWith(node.value, start) ? start + index : null
    case 'QUOTE_SINGLE':
    case 'QUOTE_DOUBLE': return source.startsWith(node.value, start + 1) ? start + 1 + index : null
    case 'BLOCK_LITERAL': return offsetInBlock(node.value, source.slice(start, end), index, start)
    default: return null
  }
}

function offsetInBlock(value: string, block: string, index: number, start: number): number | null {
  const before = value.slice(0, index)
  const line = before.split('\n').length
  const lines = block.split('\n')
  const text = value.split('\n')[line - 1] ?? ''
  const indent = lines[line]?.indexOf(text) ?? -1
  if (indent < 0) return null
  return start + lines.slice(0, line).reduce((sum, each) => sum + each.length + 1, 0) + indent + (before.length - before.lastIndexOf('\n') - 1)
}
