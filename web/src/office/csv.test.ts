import { expect, it } from 'vitest'
import { asCsv } from './csv'

it('says above the table what it is, and keeps cells whole', () => {
  const text = asCsv({ about: ['protection', 'unit: home-hours'], columns: ['day', 'why'], rows: [['2026-05-23', 'a, "b"'], ['2026-05-24', '=1+1'], [null, -3]] })
  expect(text.split('\r\n')).toEqual(['# protection', '# unit: home-hours', 'day,why', '2026-05-23,"a, ""b"""', "2026-05-24,'=1+1", ',-3'])
})
