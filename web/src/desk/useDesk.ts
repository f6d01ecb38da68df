/**
 * The operator's desk: what is selected, what is in hand, and the commands. Decisions are in alerts/order.ts, desk/call.ts
 * and desk/keys.ts; here they meet the service. A command lost to somebody faster says who that was.
 */
import { computed, onScopeDispose, ref, shallowRef, watch } from 'vue'
import { api, Refusal, type CommandName } from '../api/client'
import type { Alert, CallResult, Me } from '../api/types'
import { isFiltering, NO_FILTER, type Filter } from '../alerts/filter'
import { chooseHero, isWaitingRed, order, walk, type Selection } from '../alerts/order'
import { useDuty } from '../duty/useDuty'
import type { Live } from '../live/useLive'
import { mayAct } from '../session'
import { listed, texts as t } from '../texts'
import { deskWords as d } from '../texts/desk'
import { contactCall, emergencyCall, firstCall, labelOf, sendsFirst, type Call } from './call'

export const ARMING_MS = 800 // ux.md: Space is dead this long after the centre changed
export const UNDO_MS = 10_000
const NOTICE_MS = 6_000
const RETRIES = 3

export interface Notice {
  id: number
  kind: 'status' | 'alert'
  words: string
  until_ms: number
  undo?: { alert: string; version: number; what: 'acknowledge' | 'close' }
}

/** What a person saw when they decided: while this is unchanged, a newer version of the case asks for the same decision. */
const premise = (alert: Alert): string =>
  JSON.stringify([alert.state, alert.resumed ?? false, alert.owner?.id ?? null, alert.level, alert.outcome !== null])

export function useDesk(live: Live, me: Me, dialRef: () => boolean) {
  const selection = shallowRef<Selection | null>(null)
  const call = shallowRef<Call | null>(null)
  const dispatching = ref(false)
  const chosen = ref<string[]>([])
  /** chosen by the desk, not yet by a person: their digit confirms them */
  let nearest: string | null = null
  const busy = ref(false)
  const notices = shallowRef<readonly Notice[]>([])
  const drawerOpen = ref(false)
  const filter = shallowRef<Filter>(NO_FILTER)
  const readonly = !mayAct(me)
  const mine = me.staff

  const queue = computed(() => order(live.picture.value.alerts.values(), mine, live.picture.value.flood))

  // when each waiting red first appeared here: a person's choice holds against what they had already seen
  const arrived = shallowRef<ReadonlyMap<string, number>>(new Map())
  let opened = false
  watch(live.picture, ({ alerts, epoch }) => {
    const next = new Map<string, number>()
    // those of the first picture were there when the page was opened: a reload keeps what was chosen beside them
    const since = opened ? Date.now() : 0
    for (const alert of alerts.values()) if (isWaitingRed(alert)) next.set(alert.id, arrived.value.get(alert.id) ?? since)
    arrived.value = next
    opened ||= epoch !== null
  }, { immediate: true, flush: 'sync' })

  const engaged = computed(() => drawerOpen.value || dispatching.value || (call.value !== null && call.value.alert === selection.value?.id))
  // what came meanwhile stood there as a bar: the centre does not turn to it at the moment a call or a form ends
  watch(engaged, (now) => {
    if (!now && selection.value !== null) selection.value = { ...selection.value, at_ms: Date.now() }
  }, { flush: 'sync' })
  const hero = computed(() => chooseHero({
    queue: queue.value,
    open: live.picture.value.alerts,
    selection: selection.value,
    busy: engaged.value,
    mine,
    arrived: arrived.value,
  }))
  const shown = computed<Alert[]>(() => hero.value.ids.flatMap((id) => live.picture.value.alerts.get(id) ?? []))
  const first = computed<Alert | null>(() => shown.value[0] ?? null)

  watch(() => (readonly ? '' : (selection.value?.id ?? '')), (id) => (live.focus.value = id), { immediate: true })

  const heroKey = computed(() => `${hero.value.mode}:${first.value?.id ?? ''}`)
  const armed_ms = ref(Date.now() + ARMING_MS)
  const armed = ref(false)
  let arming: ReturnType<typeof setTimeout> | undefined
  watch(heroKey, () => {
    armed.value = false
    armed_ms.value = Date.now() + ARMING_MS
    clearTimeout(arming)
    arming = setTimeout(() => (armed.value = true), ARMING_MS)
    dispatching.value = false
    chosen.value = []
  }, { immediate: true })

  const duty = useDuty(live, first)
  const people = computed(() => duty.value?.responders ?? [])

  let lastNotice = 0
  function say(words: string, kind: Notice['kind'] = 'status', undo?: Notice['undo']): void {
    lastNotice += 1
    const notice: Notice = { id: lastNotice, kind, words, until_ms: Date.now() + (undo ? UNDO_MS : NOTICE_MS), ...(undo ? { undo } : {}) }
    notices.value = [...notices.value.filter((one) => !(undo && one.undo?.alert === undo.alert)).slice(-2), notice]
  }
  const hush = (id: number): void => {
    notices.value = notices.value.filter((one) => one.id !== id)
  }
  watch(live.local, (now) => {
    if (notices.value.some((one) => one.until_ms <= now)) notices.value = notices.value.filter((one) => one.until_ms > now)
  })

  // somebody gave back what was mine: who it was and why stands in the case
  watch(live.picture, (after, before) => {
    for (const alert of mine === null ? [] : before.alerts.values()) {
      const now = after.alerts.get(alert.id)
      if (alert.owner?.id === mine && now !== undefined && now.owner == null && now.state !== 'closed') void givenBack(now)
    }
  })
  async function givenBack(alert: Alert): Promise<void> {
    const last = (await api.timeline(alert.id).catch(() => [])).filter((one) => one.type === 'undone').at(-1)
    if (last?.by && last.by !== mine) say(d.value.outcome.releasedBy(last.by_name ?? last.by, alert.number, typeof last.reason === 'string' ? last.reason : ''), 'alert')
  }

  const latest = (alert: Alert): Alert => {
    const known = live.picture.value.alerts.get(alert.id)
    return known !== undefined && known.version >= alert.version ? known : alert
  }

  /** Sends one command; null when it did not happen, and then the person has been told why. */
  async function command(seen: Alert, name: CommandName, body: Record<string, unknown> = {}): Promise<Alert | null> {
    if (busy.value) return null
    busy.value = true
    let alert = latest(seen)
    const believed = premise(alert)
    try {
      for (let attempt = 0; ; attempt += 1) {
        try {
          const answer = await api.command(alert.id, name, { version: alert.version, ...body })
          live.learn(answer)
          return answer
        } catch (error) {
          const current = error instanceof Refusal ? error.problem.alert : undefined
          if (current !== undefined) live.learn(current)
          // a delivery or a reading moved the version on; the decision is still the same one
          if (error instanceof Refusal && error.reason === 'version_conflict' && current !== undefined && attempt < RETRIES && premise(current) === believed) {
            alert = current
            continue
          }
          say(refusalWords(error, name, current), error instanceof Refusal && error.status !== 409 ? 'alert' : 'status')
          return null
        }
      }
    } finally {
      busy.value = false
    }
  }

  function refusalWords(error: unknown, name: CommandName, current: Alert | undefined): string {
    const words = t.value.refusals
    if (!(error instanceof Refusal) || error.reason === 'unreachable') return words.unreachable
    if (error.status === 409) {
      const other = current?.owner && current.owner.id !== mine ? current.owner.name : null
      if (name === 'acknowledge' && other !== null) return words.takenBy(other)
      if (current?.state === 'closed') return words.closed
      return other === null ? words.changed : words.changedBy(other)
    }
    if (error.reason === 'not_reached_cannot_close') return d.value.outcome.notReached
    if (error.problem.fields !== undefined && error.problem.fields.length > 0) {
      return words.missing(listed(error.problem.fields.map((field) => d.value.outcome.fields[field as keyof typeof d.value.outcome.fields] ?? field)))
    }
    if (error.status === 403) return words.forbidden
    return words.other(error.problem.detail ?? error.reason)
  }

  function select(id: string | null): void {
    selection.value = id === null ? null : { id, at_ms: Date.now() }
  }

  function startCall(started: Call | null): void {
    if (started === null) return
    call.value = started
    select(started.alert)
    if (dialRef()) dial(started.number)
  }

  /** Takes a case and does step 1 of its script: rings, or opens the people; `ring`: the second key, which rings all the same;
   * `meant`: in the case itself, where nothing moves under the pointer. What was taken now, else null. */
  async function take(id?: string, ring = false, meant = false): Promise<Alert | null> {
    const alert = id === undefined ? first.value : live.picture.value.alerts.get(id)
    if (readonly || alert === null || alert === undefined || busy.value || (!meant && Date.now() < armed_ms.value)) return null
    if (call.value?.alert === alert.id) return null
    if (alert.state !== 'new' && alert.resumed !== true) {
      if (mine !== null && alert.owner?.id === mine) begin(alert, ring)
      return null
    }
    select(alert.id)
    const taken = await command(alert, 'acknowledge')
    if (taken === null) return null
    say(t.value.notices.taken(taken.number), 'status', { alert: taken.id, version: taken.version, what: 'acknowledge' })
    begin(taken, ring)
    return taken
  }
  function begin(alert: Alert, ring: boolean): void {
    if (ring || !sendsFirst(alert)) startCall(firstCall(alert, Date.now(), t.value))
    else if (!dispatching.value) openDispatch(alert)
  }

  async function callResult(result: CallResult): Promise<void> {
    const current = call.value
    const alert = current === null ? undefined : live.picture.value.alerts.get(current.alert)
    if (current === null || alert === undefined) {
      call.value = null
      return
    }
    const done = await command(alert, 'call', { to: current.to, result })
    if (done === null) return
    call.value = null
    say(t.value.notices.called(labelOf(current, t.value), t.value.call.results[result]))
    const going = done.responders.some((one) => one.state === 'accepted' || one.state === 'departed' || one.state === 'arrived')
    if (result !== 'answered' && current.to !== '119' && current.to !== '120' && !going) openDispatch(done)
  }

  /** Somebody says that the person is with them and fine: whoever is being rung, who has answered then, or who rang us. */
  async function vouched(told?: { alert: Alert; by: string; name: string }): Promise<void> {
    const current = call.value
    let alert = told?.alert ?? (current === null ? undefined : live.picture.value.alerts.get(current.alert)) ?? null
    if (alert === null) return
    if (told === undefined) {
      alert = await command(alert, 'call', { to: current!.to, result: 'answered' })
      if (alert === null) return
      call.value = null
    }
    if ((await command(alert, 'with_me', { by: told?.by ?? current!.to })) !== null) say(t.value.notices.withThem(told?.name ?? labelOf(current!, t.value)))
  }

  const emergency = (number: '119' | '120'): void => {
    if (!readonly && first.value !== null && !first.value.at_centre) startCall(emergencyCall(first.value, number, Date.now()))
  }
  const callContact = (alert: Alert, contact: string): void => startCall(contactCall(alert, contact, Date.now(), t.value))

  function openDispatch(alert: Alert | null = first.value): void {
    if (alert === null || readonly) return
    select(alert.id)
    dispatching.value = true
    preselect(alert)
  }
  /** whether the preselection stands: by the order of this case's own list, or because a person chose */
  let settled = true
  function preselect(alert: Alert): void {
    settled = people.value.some((person) => typeof person.minutes === 'number')
    const sent = new Set(alert.responders.filter((one) => one.state !== 'declined').map((one) => one.id))
    const free = people.value.filter((person) => person.state === 'free' && !sent.has(person.id))
    // who can only be rung up is not chosen for anybody: a person decides that, and rings
    nearest = (free.find((person) => person.reachable !== false) ?? free[0])?.id ?? null
    chosen.value = nearest === null ? [] : [nearest]
  }

  watch(people, () => {
    // opened before it was known who is how far
    if (dispatching.value && !settled && first.value !== null) preselect(first.value)
  })

  function toggle(person: string): void {
    if (readonly || first.value === null) return
    settled = true
    if (!dispatching.value) {
      select(first.value.id)
      dispatching.value = true
      chosen.value = [person]
      return
    }
    const confirmed = person === nearest
    nearest = null
    if (confirmed) return
    chosen.value = chosen.value.includes(person) ? chosen.value.filter((one) => one !== person) : [...chosen.value, person]
  }

  /** D: the first press opens the choice with the nearest person chosen, the second one sends. */
  async function dispatch(): Promise<void> {
    if (readonly || first.value === null) return
    if (!dispatching.value) return openDispatch()
    if (chosen.value.length === 0) return say(t.value.dispatch.choose, 'alert')
    const sent = await command(first.value, 'dispatch', { responders: [...chosen.value] })
    if (sent === null) return
    const asked = people.value.filter((person) => chosen.value.includes(person.id))
    const silent = asked.filter((person) => person.reachable === false)
    dispatching.value = false
    chosen.value = []
    say(silent.length > 0 ? t.value.dispatch.ringThem(listed(silent.map((one) => `${one.name} ${one.phone ?? ''}`.trim()))) : t.value.notices.sent(listed(asked.map((one) => one.name))))
  }
  function cancel(): void {
    if (dispatching.value) {
      dispatching.value = false
      chosen.value = []
    } else if (call.value !== null) call.value = null
    else if (isFiltering(filter.value)) filter.value = NO_FILTER
    else select(null)
  }

  async function report(person: string, what: 'accept' | 'depart' | 'arrive'): Promise<void> {
    if (first.value !== null) await command(first.value, what, { by: person })
  }

  async function undo(notice: Notice): Promise<void> {
    if (notice.undo === undefined) return
    const known = live.picture.value.alerts.get(notice.undo.alert) ?? (await api.alert(notice.undo.alert).catch(() => null))
    hush(notice.id)
    if (known === null) return say(t.value.refusals.unreachable, 'alert')
    call.value = null
    const back = await command(known, 'undo', { reason: t.value.notices.undoReason })
    if (back !== null) say(t.value.notices.undone(back.number))
  }

  /** A call that runs stays at its case, and its result is asked for when that is in the centre again. */
  function step(by: 1 | -1): void {
    const list = walk(queue.value)
    if (list.length === 0) return
    const at = list.findIndex((alert) => alert.id === first.value?.id)
    const next = list[at === -1 ? 0 : Math.min(list.length - 1, Math.max(0, at + by))]!
    select(next.id)
  }

  function newestRed(): void {
    // of those that wait beside the one in the centre: the key is there for one of them
    const newest = queue.value.waitingRed.findLast((one) => one.id !== first.value?.id)
    if (newest !== undefined) select(newest.id)
  }

  onScopeDispose(() => clearTimeout(arming))

  return {
    queue, hero, shown, first, selection, call, dispatching, chosen, busy, notices, drawerOpen, filter, readonly, mine, armed, people, duty,
    select, take, callResult, vouched, cancelCall: () => (call.value = null), emergency, callContact, dispatch, toggle, cancel, report, undo, step, newestRed, command, say, hush,
  }
}
export type Desk = ReturnType<typeof useDesk>

function dial(number: string): void {
  const link = document.createElement('a')
  link.href = `tel:${number}`
  link.click()
}
