/** Words of the page of everyday tasks, in both languages; they load with that page alone. */
import { computed } from 'vue'
import { language } from '../texts'

const zh = {
  title: '日常工作', tabs: { rounds: '电话关怀', repairs: '维修单', tests: '设备测试', proposals: '改进建议', integrations: '接入系统' },
  none: '没有', by: (who: string) => `${who} 发起`, until: (at: string) => `到 ${at}`, over: '已结束', save: '保存', cancel: '取消', note: '备注', why: '理由', unwritten: '理由和备注不向您显示', cases: (numbers: readonly number[]) => `告警 ${numbers.join('、')}`,
  failed: (why: string) => `没有成功：${why}`,
  rounds: {
    begin: '发起一轮关怀', today: '今日电话 ›', name: '名称', nameHint: '例如：降温提醒', tiers: '打给哪些老人', tier: { key: '重点', important: '重要', general: '一般' }, start: '开始', none: '没有进行中的电话关怀', open: '查看',
    states: { todo: '待打', again: '再打', well: '平安', request: '有需要', not_reached: '未联系上' }, againAt: (at: string) => `${at} 再打`, attempts: (n: number) => `已打 ${n} 次`, call: '拨打', noPhone: '没有电话',
    well: '平安', request: '有需要', notReached: '没打通', what: '需要什么', whats: { visit: '上门', repair: '维修', errand: '代办', meal: '送餐', medical: '医生回访', other: '其他' }, left: (done: number, all: number) => `${done} / ${all} 已联系上`,
  },
  repairs: {
    open: '未完成', closed: '近 30 天已结束', none: '没有未完成的维修单', noneClosed: '近 30 天没有结束的维修单', due: (at: string) => `期限 ${at}`, overdue: '已逾期', states: { open: '待派', assigned: '已派', done: '等设备证实', closed: '已结束' }, ended: { proved: '设备已证实', removed: '设备已拆除', withdrawn: '已撤销' },
    assign: '派给', done: '做了什么', save: '记为已做', withdraw: '撤销', again: (n: number) => `返工 ${n} 次`, dids: { battery: '换电池', resited: '移位', replaced: '换新', repaired: '修好', power: '恢复供电', reset: '重启、重新入网', nothing_found: '没发现问题' },
    steps: { opened: '开单', assigned: '派给', released: '退回', done: '已做', again: '又出现', not_proven: '一天内没有证实', proved: '设备证实', removed: '设备已拆除', withdrawn: '撤销' }, history: '经过', since: (at: string) => `${at} 起`, last: (at: string | null) => (at === null ? '没有上报记录' : `最近上报 ${at}`), founds: { battery: '电池没电', moved: '位置不对或被挪动', broken: '设备坏了', power: '停电或没插电', network: '网络不通', unplugged: '被人拔掉或关掉', unclear: '没查清' }, hand: '手工开单', home: '哪一户', homeHint: '姓名、地址、电话、设备，或编号', nobody: '没有找到这样的住户，请换个姓名、地址、电话或编号', pick: '请从找到的住户里选一户', change: '换一户', device: '哪台设备', whole: '不指定（网关或整户）', create: '开单', proof: '做完不等于结束：设备重新正常上报后自动结束',
  },
  tests: {
    begin: '安排一次测试', tester: '测试员', homes: '测哪几户', homesHint: '地址、姓名，或编号', found: '找到的住户', chosen: '已选的住户', leave: '去掉', minutes: '时长', minutesOf: (n: number) => `${n} 分钟`, start: '开始', rule: '测试时段内的报警先显示为黄色；测试员 90 秒内没有确认，自动转为红色。有疑问一律按真实处理。', none: '近两周没有测试',
    states: { ahead: '未开始', running: '进行中', over: '已结束' }, end: '立即结束', passed: '已通过', untried: '未测', waiting: (n: number) => `${n} 号等待确认`, left: (s: number) => `还有 ${s} 秒`, confirm: '是测试', how: '怎样核实的', span: (from: string, to: string) => `${from}–${to}`,
  },
  proposals: {
    none: '没有待定的建议', all: '含已定的', states: { open: '待定', accepted: '已采纳', declined: '不采纳' }, accept: '采纳', decline: '不采纳', backtest: '回测', backtesting: '正在回测', past: '过去会怎样', notTried: '还没有回测', kinds: { resite: '移位', repair: '检修', limit: '调参数' },
    change: '建议改为', whole: '全社区', words: { alarms: '期间告警', avoided: '本可避免', real: '其中真实', gained: '多出', lost: '减少', missed: '会漏掉真实告警', before: '原来', after: '改后' }, never: '采纳后由人执行，系统不会自动更改', reason: '采纳或不采纳的理由',
  },
  integrations: {
    none: '没有接入的系统', add: '接入一个系统', name: '名称（小写字母、数字）', events: '可以上报', everything: '全部', make: '生成密钥', made: '密钥只显示这一次，请马上交给对方保存', hide: '已保存，隐藏', remove: '停用', sure: '确认停用', since: (at: string) => `${at} 接入`, last: (at: string) => `最近一次上报 ${at}`, never: '还没有上报过', promised: '承诺多久上报一次', noPromise: '没有承诺', promises: (hours: number) => (hours < 48 ? `至少每 ${hours} 小时上报` : `至少每 ${Math.round(hours / 24)} 天上报`), promisedHint: '超过承诺时间没有上报，会列为待办：没有消息不等于平安。', silent: '超时未上报',
    types: { 'meal.delivered': '送餐', 'meal.collected': '取餐', 'meal.not_collected': '未取餐', 'card.swiped': '刷卡', 'resident.well': '报平安', 'meter.read': '水表', 'request.made': '服务请求' },
  },
}
type Widen<T> = T extends string ? string : T extends (...args: infer A) => string ? (...args: A) => string : { [K in keyof T]: Widen<T[K]> }
export type Words = Widen<typeof zh>

const en: Words = {
  title: 'Everyday work', tabs: { rounds: 'Call rounds', repairs: 'Maintenance', tests: 'Device tests', proposals: 'Proposals', integrations: 'Integrations' },
  none: 'None', by: (who) => `by ${who}`, until: (at) => `until ${at}`, over: 'over', save: 'Save', cancel: 'Cancel', note: 'Note', why: 'Reason', unwritten: 'Reasons and notes are not shown to you', cases: (numbers) => `${numbers.length > 1 ? 'cases' : 'case'} ${numbers.join(', ')}`,
  failed: (why) => `That did not work: ${why}`,
  rounds: {
    begin: 'Start a call round', today: 'Calls today ›', name: 'Title', nameHint: 'for example: cold weather', tiers: 'Who to ring', tier: { key: 'Key', important: 'Important', general: 'General' }, start: 'Start', none: 'No call round is running', open: 'Show',
    states: { todo: 'to ring', again: 'ring again', well: 'well', request: 'has a request', not_reached: 'not reached' }, againAt: (at) => `again at ${at}`, attempts: (n) => (n === 1 ? '1 try' : `${n} tries`), call: 'Ring', noPhone: 'no phone number',
    well: 'Well', request: 'Has a request', notReached: 'No answer', what: 'What do they need?', whats: { visit: 'visit', repair: 'repair', errand: 'errand', meal: 'meal', medical: 'doctor', other: 'other' }, left: (done, all) => `${done} of ${all} reached`,
  },
  repairs: {
    open: 'Open', closed: 'Ended in the last 30 days', none: 'No open orders', noneClosed: 'No orders ended in the last 30 days', due: (at) => `due ${at}`, overdue: 'overdue', states: { open: 'unassigned', assigned: 'assigned', done: 'waiting for the device', closed: 'ended' }, ended: { proved: 'confirmed by the device', removed: 'device removed', withdrawn: 'withdrawn' },
    assign: 'Assign to', done: 'What was done', save: 'Mark as done', withdraw: 'Withdraw', again: (n) => `came back ${n} times`, dids: { battery: 'battery changed', resited: 're-sited', replaced: 'replaced', repaired: 'repaired', power: 'power restored', reset: 'reset or paired again', nothing_found: 'nothing found' },
    steps: { opened: 'opened', assigned: 'assigned to', released: 'given back', done: 'done', again: 'happened again', not_proven: 'not confirmed within a day', proved: 'confirmed by the device', removed: 'device removed', withdrawn: 'withdrawn' }, history: 'History', since: (at) => `since ${at}`, last: (at) => (at === null ? 'no report on record' : `last report ${at}`), founds: { battery: 'battery empty', moved: 'wrong place, or moved', broken: 'device broken', power: 'no power', network: 'no network', unplugged: 'unplugged or switched off', unclear: 'cause not found' }, hand: 'Open an order by hand', home: 'Which home', homeHint: 'name, address, phone, device or number', nobody: 'No such home was found; try another name, address, phone or number', pick: 'Please choose one of the homes found', change: 'Another home', device: 'Which device', whole: 'None in particular (the gateway, or the whole home)', create: 'Open order', proof: 'Done is not the end: an order ends when the device reports again and all is well',
  },
  tests: {
    begin: 'Plan a test', tester: 'Tester', homes: 'Homes', homesHint: 'address, name, or number', found: 'Homes found', chosen: 'Homes chosen', leave: 'Remove', minutes: 'Length', minutesOf: (n) => `${n} min`, start: 'Start', rule: 'During the test an alarm shows yellow at first; if the tester does not confirm it within 90 seconds it turns red. If in doubt, treat it as real.', none: 'No tests in the last two weeks',
    states: { ahead: 'not started', running: 'running', over: 'over' }, end: 'End now', passed: 'passed', untried: 'not tested', waiting: (n) => `no. ${n} is waiting for an answer`, left: (s) => `${s} s left`, confirm: 'It was the test', how: 'How you know', span: (from, to) => `${from}–${to}`,
  },
  proposals: {
    none: 'No open proposals', all: 'include decided ones', states: { open: 'open', accepted: 'accepted', declined: 'declined' }, accept: 'Accept', decline: 'Decline', backtest: 'Backtest', backtesting: 'Running the backtest', past: 'What would have happened', notTried: 'no backtest yet', kinds: { resite: 're-site', repair: 'repair', limit: 'limit' },
    change: 'Proposed', whole: 'whole community', words: { alarms: 'alarms', avoided: 'avoidable', real: 'real among them', gained: 'gained', lost: 'lost', missed: 'real ones it would miss', before: 'before', after: 'after' }, never: 'Once accepted, people carry it out; the system changes nothing by itself', reason: 'Reason for accepting or declining',
  },
  integrations: {
    none: 'No system is connected', add: 'Connect a system', name: 'Name (lower-case letters, digits)', events: 'May report', everything: 'everything', make: 'Make a secret', made: 'The secret is shown only this once; hand it over now', hide: 'Saved, hide it', remove: 'Disconnect', sure: 'Yes, disconnect', since: (at) => `since ${at}`, last: (at) => `last report ${at}`, never: 'has never reported', promised: 'Promised to report', noPromise: 'no promise', promises: (hours) => (hours < 48 ? `at least every ${hours} hours` : `at least every ${Math.round(hours / 24)} days`), promisedHint: 'Silence for longer than that becomes a task: no news is not good news.', silent: 'silent for too long',
    types: { 'meal.delivered': 'meal delivered', 'meal.collected': 'meal collected', 'meal.not_collected': 'meal not collected', 'card.swiped': 'card swiped', 'resident.well': 'says they are well', 'meter.read': 'water meter', 'request.made': 'request' },
  },
}

export const words = computed<Words>(() => (language.value === 'zh' ? zh : en))
