/** Arrows in the table of shifts: one stop of the Tab key for all of them. Of the document, but nothing is kept. */

const STEPS = ['ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight', 'Home', 'End']
const shifts = (inside: Element): HTMLElement[] => [...inside.querySelectorAll<HTMLElement>('button.shift')]

/**
 * Where a key leads from a shift; null when it is no key of the table's or there is nothing that way. Left and right stay
 * in the row, up and down in the day: past the shifts of a cell, and past people without a shift that can be pressed.
 */
export function nextShift(from: HTMLElement, key: string): HTMLElement | null {
  const cell = from.closest('td')
  const row = cell?.closest('tr')
  if (!STEPS.includes(key) || cell === null || row == null) return null
  if (key === 'Home' || key === 'End') return shifts(row).at(key === 'Home' ? 0 : -1) ?? null
  const back = key === 'ArrowUp' || key === 'ArrowLeft'
  if (key === 'ArrowLeft' || key === 'ArrowRight') {
    const all = shifts(row)
    return all[all.indexOf(from) + (back ? -1 : 1)] ?? null
  }
  const column = [...(row.parentElement?.children ?? [])].flatMap((one) => {
    const day = (one as HTMLTableRowElement).cells[cell.cellIndex]
    return day === undefined ? [] : shifts(day)
  })
  return column[column.indexOf(from) + (back ? -1 : 1)] ?? null
}
