import { expect, it } from 'vitest'
import { phrases } from './phrases'

it('breaks between words, and loses no letter', () => {
  const text = '社区正在核实一条提醒，陈敏芝已接警'
  const parts = phrases(text)
  expect(parts.join('')).toBe(text)
  expect(parts).toContain('核实')
  expect(parts).toContain('正在')
})

it('keeps a name whole, and marks with what they belong to', () => {
  for (const part of phrases('请打「家里」的电话（陈敏芝），不急。')) expect(part).not.toMatch(/^[」）。，]|[「（]$/u)
  expect(phrases('刚才的提醒已处理完毕：平安')).toContain('已处理')
  expect(phrases('陈敏芝到了').some((part) => part.includes('陈敏芝'))).toBe(true)
})

it('takes a text without a word in it', () => {
  expect(phrases('')).toEqual([])
  expect(phrases('…')).toEqual(['…'])
})
