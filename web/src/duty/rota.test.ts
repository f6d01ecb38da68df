import { expect, it } from 'vitest'
import { fieldOf, freeFor, turnsOf, type WeekStaff } from './rota'

it('a field holds the community’s clock, whatever the desk’s own zone', () => {
  expect(fieldOf(Date.parse('2026-05-23T16:05:40Z'), 'Asia/Shanghai')).toBe('2026-05-24T00:05')
  expect(fieldOf(Date.parse('2026-05-23T16:05:40Z'), 'Europe/Berlin')).toBe('2026-05-23T18:05')
})

const shift = (from: string, to: string, covers: string | null = null) => ({ day: from.slice(0, 10), from, to, now: false, covers })
const person = (id: string, shifts: ReturnType<typeof shift>[]): WeekStaff => ({ id, shifts }) as unknown as WeekStaff

it('somebody swaps their own shifts that are not over, each offered once', () => {
  const weeks = [
    [person('a', [shift('2026-05-23T00:00:00Z', '2026-05-23T08:00:00Z'), shift('2026-05-25T00:00:00Z', '2026-05-25T08:00:00Z')])],
    [person('a', [shift('2026-05-24T00:00:00Z', '2026-05-24T08:00:00Z', '乙'), shift('2026-05-25T00:00:00Z', '2026-05-25T08:00:00Z'), shift('2026-05-23T22:00:00Z', '2026-05-24T06:00:00Z')])],
  ]
  expect(turnsOf('a', weeks, Date.parse('2026-05-23T12:00:00Z')).map((turn) => turn.from)).toEqual(['2026-05-23T22:00:00Z', '2026-05-25T00:00:00Z'])
  expect(turnsOf('b', weeks, 0)).toEqual([])
})

it('offered for a swap is a shift after which neither works two at once, or none', () => {
  const turn = (day: number, from: number, to: number) => ({ key: `${day}-${from}`, from: `2026-05-${day}T${String(from).padStart(2, '0')}:00:00Z`, to: `2026-05-${day}T${String(to).padStart(2, '0')}:00:00Z` })
  const [mine, mineNext] = [turn(24, 0, 12), turn(25, 0, 12)]
  const [same, next, evening] = [turn(24, 0, 12), turn(25, 0, 12), turn(25, 12, 20)]
  expect(freeFor(mine, [next, evening], [mine, mineNext], [next, evening])).toBe(evening)
  expect(freeFor(mine, [same, next], [mine, mineNext], [same, next])).toBe(same)
  expect(freeFor(mine, [next], [mine, mineNext], [next])).toBeNull()
  expect(freeFor(mine, [evening], [mine], [evening, turn(24, 10, 16)]), 'they have a shift in mine').toBeNull()
  expect(freeFor(null, [evening], [], [])).toBeNull()
})
