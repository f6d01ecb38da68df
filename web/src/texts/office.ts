/** Words of the pages for an office. They load with those pages, so that no phone carries them. */
import { inBoth, type Widen } from './both'
import { officeZh } from './office.zh'

export type OfficeTexts = Widen<typeof officeZh>
export const office = inBoth<OfficeTexts>(officeZh, async () => (await import('./office.en')).officeEn)
