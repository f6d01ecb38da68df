/** Answers to the script's questions are notes of the case, so they last, and the second operator sees them. Pure. */
import type { ScriptQuestion, TimelineItem } from '../api/types'
import { caseZh } from '../texts/case.zh'

export interface Answer {
  yes: boolean
  at: string
}
const SOURCE = caseZh.script // notes are kept in the community's language, whatever the screen speaks

export const answerNote = (question: ScriptQuestion, yes: boolean): string => `${question.ask}${yes ? SOURCE.yes : SOURCE.no}`

/** The last answer to each question, found among the notes of the case; those of before a reopening are of another run. */
export function answersIn(timeline: readonly TimelineItem[], questions: readonly ScriptQuestion[]): Record<string, Answer> {
  const answers: Record<string, Answer> = {}
  for (const item of timeline) {
    if (item.type.endsWith('reopened')) for (const id of Object.keys(answers)) delete answers[id]
    if (typeof item.note !== 'string') continue
    for (const question of questions) {
      if (item.note === `${question.ask}${SOURCE.yes}`) answers[question.id] = { yes: true, at: item.at }
      if (item.note === `${question.ask}${SOURCE.no}`) answers[question.id] = { yes: false, at: item.at }
    }
  }
  return answers
}

const END = 'end'

/** The questions in the order the answers lead: those answered, then the next one. */
export function pathOf(questions: readonly ScriptQuestion[], answers: Readonly<Record<string, Answer>>): ScriptQuestion[] {
  const path: ScriptQuestion[] = []
  let at = 0
  while (at >= 0 && at < questions.length && !path.includes(questions[at]!)) {
    const question = questions[at]!
    path.push(question)
    const answer = answers[question.id]
    if (answer === undefined) break
    const next = (answer.yes ? question.after_yes : question.after_no) ?? null
    if (next === END) break
    at = next === null ? at + 1 : questions.findIndex((one) => one.id === next)
  }
  return path
}
