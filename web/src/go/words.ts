/** Words of the responder's phone, in both languages; they load with that page alone. */
import { computed } from 'vue'
import { language } from '../texts'

const zh = {
  title: '上门任务', rota: '我的班次、请假、换班', signOut: '退出', calls: '今日电话', age: (n: number) => `${n} 岁`, fault: '暂时读不到，请稍后再试',
  none: '现在没有派给您的任务', noneWords: '有任务时手机会响，本页会自动显示。', accept: '接受，我去', decline: '去不了', depart: '出发了', arrive: '到了', done: '已到场，等待监控席结案', floor: (n: number) => `${n} 楼`, lift: '有电梯', noLift: '没有电梯', key: '钥匙', door: '门禁', doorCode: '查看密码', doorCodeLogged: '会记入日志', people: '同去', lead: '牵头', together: '同去', ambulance: '需要 120', ambulanceHold: '按住 1 秒', ambulanceSent: '已告诉监控席：需要 120', home: '打给家里', pending: (n: number) => `${n} 步待上传`, offline: '离线', refused: '这一步没有成功', note: '写给监控席', noteSend: '发送', roomAfter: '房号接受后显示', walk: (n: number) => `步行约 ${Math.max(1, Math.round(n))} 分钟`, callDesk: '打给监控席', atDoor: '到门口', doors: { smoke: '先用手背摸门板：烫就不开门，退到楼下等消防；不烫再敲门，报「社区」。', gas: '不按门铃、不开灯、楼道里不打电话；敲门，请老人先出来，再关阀开窗。', co: '先开窗再进屋，不开灯；自己头晕就退出来。', sos: '敲门报「社区」，等半分钟；没应答就用钥匙。', fall: '敲门报「社区」，没应答就用钥匙；人在地上先别扶，问哪里疼。', other: '敲门报「社区」，说是来看看老人。' } as Record<string, string>, also: (n: number) => `另有 ${n} 个任务`,
}
type Widen<T> = T extends string ? string : T extends (...args: infer A) => string ? (...args: A) => string : { [K in keyof T]: Widen<T[K]> }

const en: Widen<typeof zh> = {
  title: 'Tasks', rota: 'My shifts, away, swap', signOut: 'Sign out', calls: 'Calls today', age: (n) => `${n} years`, fault: 'Cannot be read now; please try later',
  none: 'No task for you now', noneWords: 'Your phone rings when there is one; it appears here by itself.', accept: 'I go', decline: 'I cannot', depart: 'On my way', arrive: 'Arrived', done: 'On site; the desk closes the case', floor: (n) => `floor ${n}`, lift: 'lift', noLift: 'no lift', key: 'Key', door: 'Door', doorCode: 'Show the door code', doorCodeLogged: 'looking is logged', people: 'Going', lead: 'leads', together: 'with', ambulance: 'Ambulance needed', ambulanceHold: 'hold 1 s', ambulanceSent: 'The desk knows: ambulance', home: 'Call the home', pending: (n) => `${n} steps to send`, offline: 'Offline', refused: 'That did not work', note: 'Message to the desk', noteSend: 'Send', roomAfter: 'room shown once you accept', walk: (n) => `about ${Math.max(1, Math.round(n))} min on foot`, callDesk: 'Call the desk', atDoor: 'At the door', doors: { smoke: 'Feel the door with the back of your hand: if it is hot, leave it shut and wait for the fire service below; if not, knock and say who you are.', gas: 'No bell, no light, no telephone on the stairs; knock, let them come out first, then shut the valve and open the windows.', co: 'Open a window before you go in, no light; leave if you feel dizzy.', sos: 'Knock and say who you are, wait half a minute; without an answer use the key.', fall: 'Knock and say who you are, without an answer use the key; do not lift anybody from the floor, ask where it hurts.', other: 'Knock, say who you are and that you have come to look in.' }, also: (n) => `${n} more`,
}

export const words = computed(() => (language.value === 'zh' ? zh : en))
