import { expect, it } from 'vitest'
import { en } from '../texts/en'
import { zh } from '../texts/zh'
import { titleOf } from './words'

it('says of a practice home that it is one, in front of its title, in both languages', () => {
  const alert = { title: '厨房烟感报警', title_en: 'Smoke in the kitchen', kind: 'smoke', level: 'red' } as const
  expect(titleOf({ ...alert, simulated: true }, 'zh', zh)).toBe('【模拟】厨房烟感报警')
  expect(titleOf({ ...alert, title_en: null, simulated: true }, 'en', en)).toMatch(/^\[Simulated\] /)
  expect(titleOf({ ...alert, simulated: false }, 'zh', zh)).toBe('厨房烟感报警')
})
