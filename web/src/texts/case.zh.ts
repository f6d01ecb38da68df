/** The words of a case in full. They load with its drawer, which nobody sees at once. */
export const caseZh = {
  tiers: { key: '重点', important: '重要', general: '一般' },
  drawer: { related: '同一户还有', relatedArea: '这些家里还有', print: '打印', repair: '开维修单', close: '收起', tabsLabel: '告警详情', tabs: { script: '脚本', evidence: '佐证', history: '经过', resident: '老人' } },
  script: { questions: '问一问', recheck: (time: string) => `复查倒计时 ${time}，到时请再打电话`, writer: (who: string) => `由${who}记录`, yes: '是', no: '否', none: '这类告警没有脚本，按值班手册处置。' },
  evidence: {
    title: '依据', rule: (rule: string, version: string) => `规则 ${rule} 第 ${version} 版`, cleared: (clock: string) => `${clock} 恢复`, device: '设备', quantity: '读数', value: '值', at: '时间', received: '收到', limits: '当时的限值', yes: '是', no: '否',
  },
  history: { title: '经过', told: (at: string) => `（${at} 收到）`, loading: '正在读取', failed: '暂时读不到经过', deliveries: '通知', noDeliveries: '还没有发出通知', person: '人员', channel: '渠道', state: '状态', channels: { webpush: '浏览器', wecombot: '企业微信', dingtalk: '钉钉', feishu: '飞书', lark: '飞书', schan: '微信', sms: '短信', voice: '语音电话', mailto: '邮件', mailtos: '邮件', json: '接口', jsons: '接口', unknown: '没有通知地址' } as Record<string, string> },
  photos: { title: '现场照片', of: (who: string, at: string) => `${who} ${at} 拍的现场照片`, remove: '删除', sure: '确定删除，不能恢复', failed: '没有删除，请稍后再试' },
  deliveries: { queued: '待发', accepted: '对方已收', refused: '对方拒收', failed: '没有发出' },
  timeline: {
    raised: '告警', joined: '并入', escalated: '升级', acknowledged: '接警', called: '打电话', dispatched: '派人', accepted: '接单', declined: '去不了', departed: '出发',
    arrived: '到场', noted: '记录', held: '稍候', reopened: '重新打开', undone: '撤回', closed: '结案', resumed: '重新响铃',
    finding_changed: '更新', finding_cleared: '现场恢复', finding_unknown: '无法判断', level_raised: '升级', level_lowered: '有相反的迹象，降一级', reminded: '再次提醒', nobody_there: '无人值班', told: '发出通知', handed_over: '转交', vouched: '说人在身边', checked: '核对住户', hold_ended: '稍候结束',
  },
  again: {
    idle: '接警后未处置', no_answer: '电话未接通，未派人', not_accepted: '已派人，无人接受', nobody_going: '派的人去不了', nobody_there: '到场的人已离开，现场没有人', hold_ended: '暂缓到时，未处置', nobody_on_duty: '无人可派', again: '再次报警', level_raised: '已升级，请重新接警', given_back: '已放回待接', needs_120: '现场需要 120', recheck: '复查到时，请再打电话',
  },
  soundCheck: {
    title: '开班声音检查', words: '先放一遍红色告警声，再确认能听见。', ask: '听到了吗？', play: '播放红色告警声', again: '再放一遍', heard: '听到了', notHeard: '没听到', later: '稍后',
    bad: '没有声音：请检查音箱电源、音量和接线，再放一遍。红色告警会同时打到值班手机。',
  },
  quantities: {
    heart_rate: '心率', respiration_rate: '呼吸', in_bed: '在床', movement: '体动', signal_quality: '信号质量', smoke: '烟雾', smoke_level: '烟雾浓度', gas: '燃气', gas_level: '燃气浓度', co: '一氧化碳', co_level: '一氧化碳浓度', temperature: '温度', humidity: '湿度',
    sos: '呼叫', fall: '跌倒', door_open: '门开', motion: '人体', presence: '有人', water_leak: '漏水', water_total: '用水', battery: '电量', battery_low: '低电', voltage: '电压', tamper: '防拆', fault: '故障', muted: '消音', self_test: '自检', link_quality: '信号',
    life_sign: '生命迹象', life_sign_withdrawn: '撤回的生命迹象', alive: '感应器在线', silence: '最后一次收到', known: '首次收到', mode: '登记', usual_door_gap: '本人较长的出门间隔（分钟）', usual_away: '本人较长的外出（分钟）', usual_night: '本人平时一夜（分钟）',
  },
  resident: { healthHidden: '健康信息不向您显示（管理员只在有涉及老人安危的未结告警时可见）', title: '老人', none: '没有登记老人', home: '住处', address: '地址', floor: '楼层', key: '备用钥匙', phone: '座机', contacts: '联系人', call: '拨打', withThem: '说人在身边', told: '已通知的人' },
  emergency: { title: '报给 119 / 120', up: '楼层', door: '备用钥匙', inside: '屋里的人', nearby: '同楼老人', back: '回拨', unknown: '没有登记', noKey: '没有登记备用钥匙' },
} as const
