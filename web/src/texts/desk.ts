/** Words of the desk and the wall alone: the phones do not carry them. */
import { inBoth, type Widen } from './both'
import { deskZh } from './desk.zh'

export type DeskTexts = Widen<typeof deskZh>
export const deskWords = inBoth<DeskTexts>(deskZh, async () => (await import('./desk.en')).deskEn)
