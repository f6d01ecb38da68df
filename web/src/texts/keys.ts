/** The words of the list of keys. They load with the list, so that no first load carries them. */
export const keyTexts = {
  zh: {
    title: '按键', close: '关闭',
    names: { take: '空格', dispatch: 'D', person: '1 … 9', outcome: 'R', fire: '长按 9', ambulance: '长按 0', move: 'J  K', open: '回车', back: 'Esc', red: 'G', mute: 'M', search: '/', call: 'Z X C V B N', help: '?' },
    keys: {
      take: '接警，做第 1 步：拨打或派人；已接警时再做', dispatch: '派人：第一次选人，第二次派出', person: '选人', outcome: '处置结果', fire: '转 119', ambulance: '转 120', move: '下一条、上一条', open: '打开案情', back: '返回、取消', red: '最新的红色', mute: '静音 2 分钟', search: '查找',
      call: '通话结果：接通、无人接、占线、拒接、空号、说人在身边', help: '这张表；单个按键可在右上角菜单里关掉',
    },
  },
  en: {
    title: 'Keys', close: 'Close',
    names: { take: 'Space', dispatch: 'D', person: '1 … 9', outcome: 'R', fire: 'hold 9', ambulance: 'hold 0', move: 'J  K', open: 'Enter', back: 'Esc', red: 'G', mute: 'M', search: '/', call: 'Z X C V B N', help: '?' },
    keys: {
      take: 'take, and do step 1: call or send; again once taken', dispatch: 'send: first choose, then send', person: 'choose a person', outcome: 'outcome', fire: 'fire brigade 119', ambulance: 'ambulance 120', move: 'next, previous', open: 'open the case', back: 'back, cancel', red: 'newest red', mute: 'mute 2 minutes', search: 'search',
      call: 'result: answered, no answer, busy, refused, wrong number, with them', help: 'this list; single keys can be switched off in the menu',
    },
  },
} as const
