/** A table as a file: what it is, its units, its zone and where it comes from stand above it, in lines that begin with `#`. */
import { me } from '../session'

type Cell = string | number | boolean | null | undefined

/** A cell with a comma, a quote or a new line is quoted (RFC 4180); one that a spreadsheet would calculate is text. */
const cell = (value: Cell): string => {
  const text = value === null || value === undefined ? '' : String(value)
  const plain = typeof value === 'string' && /^[=+\-@\t]/.test(text) ? `'${text}` : text
  return /[",\n\r]/.test(plain) ? `"${plain.replace(/"/g, '""')}"` : plain
}

export interface Sheet {
  /** lines above the table: what, units, zone, source */
  about: readonly string[]
  columns: readonly string[]
  rows: readonly (readonly Cell[])[]
}

export const asCsv = ({ about, columns, rows }: Sheet): string => [...about.map((line) => `# ${line.replace(/\s+/g, ' ')}`), columns.map(cell).join(','), ...rows.map((row) => row.map(cell).join(','))].join('\r\n')

/** Saves it under a name that says when it is not real. */
export function save(name: string, sheet: Sheet): void {
  const link = document.createElement('a')
  // the mark in front tells spreadsheets that it is UTF-8
  link.href = URL.createObjectURL(new Blob(['\ufeff', asCsv(sheet)], { type: 'text/csv' }))
  link.download = `${me.value?.simulated === true ? 'simulated' : 'anxin'}-${name.replace(/\s/g, '')}.csv`
  link.click()
  URL.revokeObjectURL(link.href)
}
