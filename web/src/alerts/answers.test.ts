import { expect, it } from 'vitest'
import { answerNote, answersIn, pathOf } from './answers'

const questions = [
  { id: 'fire', ask: '看到烟或火吗？', after_yes: 'end' },
  { id: 'cook', ask: '在做饭吗？', after_no: 'vent' },
  { id: 'hood', ask: '油烟机开了吗？' },
  { id: 'vent', ask: '能关火开窗吗？' },
]
const said = (id: number, yes: boolean) => ({ at: `2026-05-23T04:07:0${id}Z`, type: 'noted', note: answerNote(questions[id]!, yes) })

it('answers are read back from the notes of the case, the last one counts', () => {
  const answers = answersIn([said(0, true), { at: 'x', type: 'noted', note: '别的话' }, said(0, false)], questions)
  expect(answers).toEqual({ fire: { yes: false, at: '2026-05-23T04:07:00Z' } })
})

it('a reopened case is asked anew', () => {
  expect(answersIn([said(0, true), { at: 'x', type: 'reopened' }], questions)).toEqual({})
})

it('each answer leads to its branch', () => {
  const ids = (timeline: ReturnType<typeof said>[]) => pathOf(questions, answersIn(timeline, questions)).map((one) => one.id)
  expect(ids([])).toEqual(['fire'])
  expect(ids([said(0, true)])).toEqual(['fire'])
  expect(ids([said(0, false)])).toEqual(['fire', 'cook'])
  expect(ids([said(0, false), said(1, true)])).toEqual(['fire', 'cook', 'hood'])
  expect(ids([said(0, false), said(1, false)])).toEqual(['fire', 'cook', 'vent'])
})

it('a script that leads in a circle ends all the same', () => {
  const circle = [{ id: 'a', ask: '甲？', after_yes: 'b' }, { id: 'b', ask: '乙？', after_yes: 'a' }]
  const all = { a: { yes: true, at: '' }, b: { yes: true, at: '' } }
  expect(pathOf(circle, all).map((one) => one.id)).toEqual(['a', 'b'])
})
