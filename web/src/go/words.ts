/** Words of the responder's phone, in both languages; they load with that page alone. */
import { inBoth, type Widen } from '../texts/both'
import { chinese } from './words.zh'

export type GoWords = Widen<typeof chinese>
export const words = inBoth<GoWords>(chinese, async () => (await import('./words.en')).english)
