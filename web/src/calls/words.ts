/** Words of the day's calls, in both languages; they load with that page alone. */
import { computed } from 'vue'
import { language } from '../texts'
import type { Widen } from '../texts/both'

const zh = {
  title: '今日电话', back: '返回', loading: '正在读取', none: '今天没有要打的电话', noneWords: '有人发起一轮关怀后，名单会出现在这里。', allDone: '今天的电话都打完了', stale: (at: string) => `连不上服务，下面是 ${at} 的名单；现在记的结果送不出去`,
  counts: { todo: '待打', again: '再打', well: '平安', request: '有需要', not_reached: '未联系上' }, progress: (done: number, all: number) => `已联系上 ${done} / ${all}`,
  mine: '我的片区', everybody: '全部', who: '看哪些人', due: (n: number) => `另有 ${n} 位老人今天应探访，还没排进电话`, dueAdd: '排进今天', dueTitle: '应探访老人电话',
  tier: { key: '重点', important: '重要', general: '一般' }, why: '为什么打', next: '接下来', past: '打过的电话', notes: '记一笔', notesHint: '说了什么、要跟进什么（可不填）', outcome: '打得怎么样',
  visitDue: (day: string) => `${day} 应探访`, visitLate: (day: string) => `探访已逾期，应在 ${day}`, hows: { door: '上门', phone: '电话', video: '视频' }, last: (day: string, how: string) => `上次${how} ${day}`, never: '探访计划开始后还没去过',
  call: '拨打', noPhone: '没有登记电话，请上门', cases: (numbers: string) => `此户有未结告警 ${numbers} 号，值班席在处理，打之前先问一声`, askDesk: '值班席电话', offered: '有一条任务等您接', open: '去看',
  well: '平安', request: '有需要', notReached: '没打通', correct: '改正', corrected: '（记错了，已改正）', takesBack: (at: string) => `${at} 前改成「没打通」，刚才记的电话探访一并撤回，系统不再当作老人有动静。`, tooLate: '已过一小时：现在记的算另打的一次，之前记的不撤回。', taskStays: (task: string) => `${task}，改正后任务还在；不需要时请值班席结案。`, what: '需要什么', whats: { visit: '上门看看', repair: '维修', errand: '代办', meal: '送餐', medical: '医生回访', other: '其他' }, send: '记下', cancel: '取消',
  follows: {
    ring: () => '现在打', again: (at: string, left: number) => `${at} 后再打，还可以打 ${left} 次`, last: (at: string) => `${at} 后打最后一次，再不通就派人上门`, look: (number: string) => `没联系上：${number}，要有人上门看看`, asked: (number: string) => `${number}，会有人跟进`, done: () => '今天不用再打，已记为电话探访',
  },
  task: (n: number) => `已开 ${n} 号任务`, taskSoon: '任务正在开', states: { todo: '待打', again: '再打', well: '平安', request: '有需要', not_reached: '未联系上' }, at: (time: string) => `${time} 后`, noted: (name: string, what: string) => `${name}：${what}，已记下`, nextOne: (name: string) => `下一位 ${name}`, by: (at: string, who: string) => `${at} ${who}`,
  failed: (why: string) => `没有记下：${why}`, unread: '读不到今天的名单，正在重试', again: '再试', unreachable: '没有记下：连不上服务。请再按一次，写的备注还在。', keys: 'J / K 上下 · 回车 打开 · 1 平安 · 2 有需要 · 3 没打通 · N 备注', keysOn: '快捷键：开', keysOff: '快捷键：关', list: '今日电话名单', until: (at: string) => `到 ${at}`,
}

const en: Widen<typeof zh> = {
  title: 'Calls today', back: 'Back', loading: 'Loading', none: 'No calls today', noneWords: 'When a call round is started, the people to ring appear here.', allDone: 'All of today’s calls are done', stale: (at) => `No connection. This list is from ${at}; anything you note now cannot be sent`,
  counts: { todo: 'To ring', again: 'Ring again', well: 'Well', request: 'Requests', not_reached: 'Not reached' }, progress: (done, all) => `${done} of ${all} reached`,
  mine: 'My area', everybody: 'All', who: 'Show', due: (n) => `${n} more residents are due a visit today and are not on the list`, dueAdd: 'Add them to today', dueTitle: '应探访老人电话',
  tier: { key: 'Key', important: 'Important', general: 'General' }, why: 'Why', next: 'What comes next', past: 'Calls so far', notes: 'Note', notesHint: 'what was said, what to follow up (optional)', outcome: 'How did it go?',
  visitDue: (day) => `visit due ${day}`, visitLate: (day) => `visit overdue, was due ${day}`, hows: { door: 'at the door', phone: 'by phone', video: 'by video' }, last: (day, how) => `last seen ${day} ${how}`, never: 'no visit yet since the plan began',
  call: 'Ring', noPhone: 'No phone number on file: please call at the door', cases: (numbers) => `Open at this home: no. ${numbers}. The desk is dealing with it; speak to them before you ring`, askDesk: 'Ring the desk', offered: 'There is a task for you', open: 'Look',
  well: 'Well', request: 'Has a request', notReached: 'No answer', correct: 'Correct', corrected: ' (noted by mistake, corrected)', takesBack: (at) => `Until ${at}, “No answer” also takes back the visit by phone; the system no longer counts it as a sign of life.`, tooLate: 'More than an hour ago: what you note now is another call, and nothing is taken back.', taskStays: (task) => `${task[0]?.toUpperCase()}${task.slice(1)}. It stays open when you correct this: ask the desk to close it if it is not needed.`, what: 'What do they need?', whats: { visit: 'a visit', repair: 'a repair', errand: 'an errand', meal: 'a meal', medical: 'the doctor', other: 'something else' }, send: 'Save', cancel: 'Cancel',
  follows: {
    ring: () => 'Ring now', again: (at, left) => `Ring again after ${at}; ${left} ${left === 1 ? 'try' : 'tries'} left`, last: (at) => `One last call after ${at}; if nobody answers, somebody goes round`, look: (number) => `Not reached: ${number}; somebody has to go and see`, asked: (number) => `${number}; somebody will follow up`, done: () => 'No more calls today; it counts as a visit by phone',
  },
  task: (n) => `task ${n} is open`, taskSoon: 'a task is being opened', states: { todo: 'to ring', again: 'ring again', well: 'well', request: 'has a request', not_reached: 'not reached' }, at: (time) => `after ${time}`, noted: (name, what) => `${name}: ${what}, saved`, nextOne: (name) => `Next: ${name}`, by: (at, who) => `${at} ${who}`,
  failed: (why) => `Not saved: ${why}`, unread: 'Today’s list cannot be read; trying again', again: 'Try again', unreachable: 'Not saved: no connection. Press again; your note is still here.', keys: 'J / K up and down · Enter open · 1 well · 2 request · 3 no answer · N note', keysOn: 'Keys: on', keysOff: 'Keys: off', list: 'Today’s calls', until: (at) => `until ${at}`,
}

export const words = computed(() => (language.value === 'zh' ? zh : en))
