/**
 * What a key means on the desk. Single keys are inert while somebody types, inside dialogs, with a modifier, on a control
 * that has its own meaning for them, and when they are switched off (WCAG 2.1.4). Pure: the page only carries it out.
 */
export type Action =
  | { do: 'take' | 'dispatch' | 'outcome' | 'next' | 'previous' | 'open' | 'back' | 'newestRed' | 'mute' | 'search' | 'help' }
  | { do: 'person'; index: number }
  | { do: 'callResult'; key: string }
  | { do: 'hold'; number: '119' | '120' }

export interface Press {
  key: string
  ctrlKey?: boolean
  altKey?: boolean
  metaKey?: boolean
  repeat?: boolean
}
export interface Where {
  /** a field, an editable text */
  inField: boolean
  /** a button, a tab, a summary: Space and Enter belong to it */
  onControl: boolean
  onLink: boolean
  inDialog: boolean
  calling: boolean
  enabled: boolean
}

export function meaning(press: Press, where: Where): Action | null {
  if (press.ctrlKey || press.altKey || press.metaKey || press.repeat) return null
  if (press.key === 'Escape') return where.inDialog ? null : { do: 'back' }
  if (where.inField || !where.enabled) return null
  const key = press.key.length === 1 ? press.key.toUpperCase() : press.key
  if (where.inDialog) return key === 'G' ? { do: 'newestRed' } : null
  switch (key) {
    case ' ':
      return where.onControl ? null : { do: 'take' }
    case 'Enter':
      return where.onControl || where.onLink ? null : { do: 'open' }
    case 'D':
      return { do: 'dispatch' }
    case 'R':
      return { do: 'outcome' }
    case 'J':
      return { do: 'next' }
    case 'K':
      return { do: 'previous' }
    case 'G':
      return { do: 'newestRed' }
    case 'M':
      return { do: 'mute' }
    case '/':
      return { do: 'search' }
    case '?':
      return { do: 'help' }
    case '9':
      return { do: 'hold', number: '119' }
    case '0':
      return { do: 'hold', number: '120' }
    case 'Z': case 'X': case 'C': case 'V': case 'B': case 'N':
      return where.calling ? { do: 'callResult', key } : null
    default:
      return /^[1-8]$/.test(key) ? { do: 'person', index: Number(key) - 1 } : null
  }
}

/** Where a key was pressed, read from the document. */
export function whereIs(target: EventTarget | null, more: { calling: boolean; enabled: boolean }): Where {
  const element = target instanceof Element ? target : null
  const within = (selector: string): boolean => element?.closest(selector) != null
  return {
    inField: within('input, textarea, select, [contenteditable=""], [contenteditable="true"]'),
    onControl: within('button, summary, [role="tab"], [role="button"]'),
    onLink: within('a[href]'),
    inDialog: within('dialog[open], [role="dialog"]'),
    ...more,
  }
}

/** Whether single keys are inert where this one was pressed: a field, a dialog, a modifier. */
export function mayNotType(event: KeyboardEvent): boolean {
  const where = whereIs(event.target, { calling: false, enabled: true })
  return where.inField || where.inDialog || event.ctrlKey || event.altKey || event.metaKey || event.repeat
}
