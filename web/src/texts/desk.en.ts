import type { DeskTexts } from './desk'

export const deskEn: DeskTexts = {
  kpi: {
    label: 'Figures', month: 'month', ack: (s) => `Taken ≤ ${s} s`, arrive: (m) => `On site ≤ ${m} min`, target: (n) => `Goal ${n}%`, median: (time) => `med. ${time}`, kept: (kept, n) => `${kept} / ${n}`,
    protected: 'Protected homes', ofHomes: (n) => `/ ${n}`, protection: (partly, not) => `Partly ${partly} · not ${not}`, visits: 'Visits due today', tiers: (a, b, c) => `Key ${a} · important ${b} · general ${c}`, noVisits: 'No visit plan', noneDue: 'None due today',
    noCases: 'No cases', today: 'Today, merged', mean: '28-day mean', hour24: '24 h', closed: 'Just closed', noneClosed: 'Nothing closed yet today', hoursSummary: (n) => `Alerts by hour today, ${n} in all, stacked by level`,
  },
  actions: {
    label: 'Act', take: 'Take', takeAndHomes: 'Take and check homes', homes: 'Check each home', takeAndCall: 'Take and call home', takeAndCallFamily: 'Take and call family', takeAndCallDesk: 'Take and ring the desk', takeAndSend: 'Take and send', ownedBy: (name) => `With ${name}`, yours: 'With you',
    call: 'Call home', callAgain: 'Call home again', script: 'Ask by the script', callFamily: 'Call family', callDesk: 'Ring the desk', dispatch: 'Send', fire: (number) => `Call ${number}`, services: 'Emergency services', service: { 120: '120 ambulance', 119: '119 fire' }, outcome: 'Outcome',
  },
  keys: { space: 'Space', hold: (digit) => `hold ${digit}` },
  unknownCase: 'There is no such case',
  grid: { label: (n) => `${n} reds waiting`, first: 'longest waiting first', others: (n) => `${n} more ${n === 1 ? 'red' : 'reds'} waiting`, see: 'Details', newRed: (n) => `New red ${n}` },
  progress: { label: 'Progress', took: 'Taken', called: 'Call', notCalled: 'not yet', sent: 'Sent', notSent: 'nobody yet', arrive: 'On site', arrived: 'yes', left: (time) => `${time} left`, over: (time) => `${time} over`, recheck: (time) => `Re-check in ${time}`, recheckDue: 'Re-check due' },
  now: { owner: 'Taken by', nobody: 'nobody yet', spent: 'every step is past', next: (at) => `At ${at} goes on to`, inSeconds: (s) => `in ${s} s`, going: 'On the way', asked: 'Asked, nobody has accepted' },
  calm: {
    level: 'Emergency', title: 'No red alert now', words: 'No red does not mean everybody is safe: see below how well the homes are protected.', silent: 'A red alert would reach nobody at one step', silentWords: (steps) => `Nobody at: ${steps}. Somebody is needed there now.`, unknown: 'Do not trust this picture', unknownWords: 'Whether there is a red alert is not known now. Rely on the phone.', longest: 'Longest waiting yellow', noYellow: 'No open yellow',
    see: 'Look', protection: 'Protection', notProtected: (n) => `${n} homes not fully protected`, allProtected: (n) => `All ${n} homes protected`, last: 'Closed last',
    visits: 'Next visits', noneToday: 'Nobody to visit today', noVisits: 'Nobody to visit', noPlan: 'No visits are planned', due: (day, overdue) => (overdue ? `was due ${day}` : day), today: (done, all) => `today ${done} of ${all}`, test: 'Last test alarm', noTest: 'None within two months',
  },
  outcome: {
    likely: 'Chosen beforehand from the answers and from what happened: check it before you close.',
    title: 'Outcome', done: 'Closed', loading: 'Loading the codes', fields: { cause: 'Cause', verification: 'Verified by', actions: 'Actions', outcome: 'Outcome', truth: 'Truth', reference: '119 / 120 reference' }, choose: 'please choose', fill: 'please fill in', search: 'Code or words',
    noReference: 'none given', referenceNote: (reference) => (reference === null ? '119/120 reference: none given' : `119/120 reference: ${reference}`), note: 'Note (optional)',
    promised: 'The home was promised another call: after closing nothing reminds of it.', active: 'The alarm is still on: make sure before closing.', unasked: (n) => `${n} homes of the list are not known to be safe: go on, or choose another outcome.`, notReached: 'A case where nobody was reached cannot be closed: keep trying, or send somebody.', missing: (fields) => `Missing: ${fields}`, submit: 'Close the case', reopen: 'Open again', reopenReason: 'Why it is opened again',
    release: 'Give back', releaseReason: 'Why it is given back to be taken', released: (n) => `No. ${n} waits to be taken again`, releasedBy: (who, n, why) => `${who} gave back no. ${n}: ${why}`,
  },
  wall: { small: 'This picture is drawn for a wall: on a phone its letters are too small', home: 'To my page' },
  map: {
    label: 'Grid map', title: (grids, micros) => `${grids} grids · ${micros} micro-grids`, located: (name) => `At ${name}`, sketch: 'schematic', centre: 'Centre', person: 'Responder', circle: (n) => `${n} min`,
    loading: 'Loading the map', failed: 'The map cannot be read now', calmSummary: 'Schematic map of the community, no alert located', summary: (level, place) => `Schematic map of the community, ${level} alert at ${place}`,
  },
  people: {
    label: 'Who can go', withinBefore: 'Free in the circle', withinAfter: '', key: 'Key', no: 'No.', person: 'Person', state: 'State', eta: 'Arrives in', minutesUnit: 'min', minutes: (n) => `${n} min`, none: 'No responder on shift',
    choose: (n, name) => `${n} choose ${name}`, free: 'Free', busy: 'Busy', away: 'Away', report: { accept: 'accepted', depart: 'left', arrive: 'arrived' },
  },
}
