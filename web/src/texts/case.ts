/** Words of a case in full (script, evidence, history) and of the sound check: what nobody sees at once. */
import { inBoth, type Widen } from './both'
import { caseZh } from './case.zh'

export type CaseTexts = Widen<typeof caseZh>
export const caseWords = inBoth<CaseTexts>(caseZh, async () => (await import('./case.en')).caseEn)
