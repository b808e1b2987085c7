import { isUtf8 } from 'node:buffer'
import { readFile, stat } from 'node:fs/promises'
import { CsvError, parse } from 'csv-parse/sync'
import { codeOf } from '../../gateway/kit/index.ts'
import { Problems } from '../site/problems.ts'

/** A spreadsheet's rows as it numbers them: the header is row 1. Rows without anything in them are left out. */
export interface CsvTable {
  readonly headers: readonly string[]
  readonly rows: readonly { readonly row: number; readonly cells: readonly string[] }[]
  /** Cells are separated by semicolons, as where people write 0,1 for a tenth. */
  readonly decimalComma: boolean
}

/** Reports at a row and column of the file, both from 1. */
export type CellReport = (row: number, column: number, message: string | (() => string)) => void
export const cellReport = (file: string, problems: Problems): CellReport => (line, column, message) => problems.in({ file, locate: () => ({ line, column }) })([], message)

/** 4,000 points with everything said of them have about 1 MiB. */
const maxBytes = 16 * 1024 * 1024
/** Empty ones too: a file of line breaks must not fill the memory. */
const maxRows = 50_000
const maxRowBytes = 1024 * 1024

const causes: Readonly<Record<string, string>> = { ENOENT: 'no such file; check the path', EACCES: 'the file may not be read by this user; give it read permission' }

/** null when the file is of no use; that was reported. Never throws for what is in it. */
export async function readCsv(file: string, report: CellReport): Promise<CsvTable | null> {
  const refuse = (message: string, row = 1): null => { report(row, 1, message); return null }
  let bytes: Buffer
  try {
    const found = await stat(file)
    if (!found.isFile()) return refuse('not a regular file; name the CSV file')
    if (found.size > maxBytes) return refuse(`the file has ${found.size} bytes, more than the 16 MiB a table of points may have`)
    bytes = await readFile(file)
  } catch (error) {
    return refuse(causes[codeOf(error)] ?? `the file cannot be read (${codeOf(error)})`)
  }
  if (bytes.length > 3 && bytes.readUInt32BE(0) === 0x504b0304) return refuse('this is a workbook, not CSV; in the spreadsheet choose "Save as" and CSV UTF-8')
  const text = decodeText(bytes)
  if (text === null) return refuse('the file is neither UTF-8 nor GB18030; in the spreadsheet choose "Save as" and CSV UTF-8')
  return parseCsv(text, report)
}

/** UTF-8 or UTF-16 with a mark, UTF-8 without, or GB18030 (GBK is part of it), as Chinese spreadsheets save. null when it is none of them. */
export function decodeText(bytes: Uint8Array): string | null {
  const marks = [['utf-16le', [0xff, 0xfe]], ['utf-16be', [0xfe, 0xff]], ['utf-8', [0xef, 0xbb, 0xbf]]] as const
  // A damaged file that says it is UTF-8 must not be read as another's Chinese.
  const marked = marks.find(([, mark]) => mark.every((byte, index) => bytes[index] === byte))?.[0]
  try { return new TextDecoder(marked ?? (isUtf8(bytes) ? 'utf-8' : 'gb18030'), { fatal: true }).decode(bytes) } catch { return null }
}

export function parseCsv(whole: string, report: CellReport): CsvTable | null {
  // Excel's own first line that names the separator; it is no row to Excel.
  const named = /^sep=(.)\r?\n/i.exec(whole)
  const text = named ? whole.slice(named[0].length) : whole
  const delimiter = named?.[1] ?? delimiterOf(text)
  let records: readonly string[][]
  try {
    records = parse(text, { delimiter, relax_column_count: true, record_delimiter: ['\r\n', '\n', '\r'], to: maxRows + 1, max_record_size: maxRowBytes })
  } catch (error) {
    if (!(error instanceof CsvError)) throw error
    const { records: row = 0, column } = error as CsvError & { readonly records?: number; readonly column?: number | string }
    report(row + 1, typeof column === 'number' ? column + 1 : 1, error.code.includes('QUOTE') ? 'a quotation mark is not closed, or stands inside a cell that is not quoted; write it twice inside quotes' : `cannot be read as CSV (${error.code})`)
    return null
  }
  if (records.length > maxRows) { report(maxRows + 1, 1, `more than ${maxRows} rows; split the table`); return null }
  const filled = records.map((cells, index) => ({ row: index + 1, cells })).filter(({ cells }) => cells.some((cell) => cell.trim() !== ''))
  const [header, ...rows] = filled
  if (!header) { report(1, 1, 'the file is empty; linli points export writes one to begin with'); return null }
  return { headers: header.cells.map((cell) => cell.normalize('NFKC').trim()), rows, decimalComma: delimiter === ';' }
}

/** The separator that the header has most of. */
function delimiterOf(text: string): string {
  const header = /^[\s]*[^\r\n]*/.exec(text)![0].replace(/"[^"]*"/g, '')
  const counts = [',', ';', '\t'].map((delimiter) => [delimiter, header.split(delimiter).length] as const)
  return counts.toSorted((a, b) => b[1] - a[1])[0]![0]
}
