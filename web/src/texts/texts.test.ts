import { expect, it } from 'vitest'
import { en as most } from './en'
import { keyTexts } from './keys'
import { caseEn } from './case.en'
import { caseZh } from './case.zh'
import { deskEn } from './desk.en'
import { deskZh } from './desk.zh'
import { officeEn } from './office.en'
import { officeZh } from './office.zh'
import { pagesEn } from './pages.en'
import { pagesZh } from './pages.zh'
import { zh as source } from './zh'

const zh = { ...source, keys: keyTexts.zh, case: caseZh, desk: deskZh, office: officeZh, pages: pagesZh }
const en = { ...most, keys: keyTexts.en, case: caseEn, desk: deskEn, office: officeEn, pages: pagesEn }

type Leaf = [string, string]
function leaves(node: unknown, path = ''): Leaf[] {
  if (typeof node === 'string') return [[path, node]]
  if (typeof node === 'function') return [[path, String((node as (...args: unknown[]) => string)('1', '2', '3'))]]
  return Object.entries(node as object).flatMap(([key, value]) => leaves(value, `${path}.${key}`))
}

it('both languages have the same keys', () => {
  expect(leaves(en).map(([path]) => path).sort()).toEqual(leaves(zh).map(([path]) => path).sort())
})

it('no Chinese is left in English, and nothing is empty by mistake', () => {
  expect(leaves(en).filter(([, words]) => /[\u4e00-\u9fff]/.test(words))).toEqual([])
  expect(leaves(zh).filter(([, words]) => words === '')).toEqual([])
})

it('the house speaks quietly: no exclamation marks', () => {
  expect([...leaves(zh), ...leaves(en)].filter(([, words]) => /[!！]/.test(words))).toEqual([])
})

it('the list of keys has a word for each key of a call', () => {
  for (const one of [keyTexts.zh, keyTexts.en]) expect(one.keys.call.split(/[:：]/)[1]!.split(/[,、]/)).toHaveLength(one.names.call.split(' ').length)
})
