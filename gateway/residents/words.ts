import type { Label } from '../contract/index.ts'

export type Language = keyof Label

/** Every word of the residents' page and of the printed sheet. */
export const words = {
  rate: { zh: '评价服务', en: 'Rate the service' },
  report: { zh: '报告问题', en: 'Report a problem' },
  whatToRate: { zh: '评价什么', en: 'What do you rate?' },
  serviceHere: { zh: '这里的服务', en: 'The service here' },
  repair: { zh: '维修：', en: 'Repair: ' },
  howWasIt: { zh: '您觉得怎么样？', en: 'How was it?' },
  score5: { zh: '非常满意', en: 'Very good' },
  score4: { zh: '满意', en: 'Good' },
  score3: { zh: '一般', en: 'Fair' },
  score2: { zh: '较差', en: 'Poor' },
  score1: { zh: '很差', en: 'Very poor' },
  points: { zh: '分', en: 'of 5' },
  sayMore: { zh: '想说的话（可不填）', en: 'A few words (optional)' },
  whatIsIt: { zh: '是什么问题？', en: 'What is the problem?' },
  describe: { zh: '说明一下（可不填）', en: 'Describe it (optional)' },
  photo: { zh: '拍张照片（可不拍）', en: 'Take a photo (optional)' },
  taken: { zh: '✓ 已选照片，点这里可以换', en: '✓ Photo chosen; tap to change' },
  noNames: { zh: '请不要写姓名、电话、证件号。', en: 'Please leave out names, phone and ID numbers.' },
  emergency: { zh: '着火、有人受伤等紧急情况，请直接拨打 119、120、110。', en: 'In an emergency call 119 (fire), 120 (ambulance) or 110 (police).' },
  send: { zh: '提交', en: 'Send' },
  sending: { zh: '正在提交……', en: 'Sending…' },
  thanks: { zh: '谢谢！', en: 'Thank you!' },
  received: { zh: '已经收到，工作人员会看到。', en: 'It has arrived; the staff will see it.' },
  choose: { zh: '请先选一项。', en: 'Please choose one first.' },
  slow: { zh: '提交得有点频繁，请过几分钟再来。谢谢您的耐心。', en: 'That was quite often. Please come again in some minutes, and thank you for your patience.' },
  busy: { zh: '现在有点忙，请过一会儿再提交。', en: 'It is busy just now; please send it again in a moment.' },
  noPhoto: { zh: '这张照片用不了。请另选一张，或者不带照片提交。', en: 'This photo cannot be used. Choose another, or send without one.' },
  failed: { zh: '没有提交成功，请检查网络后再试。', en: 'It was not sent. Please check your connection and try again.' },
  gone: { zh: '这个二维码已经停用', en: 'This code is no longer in use' },
  goneMore: { zh: '请扫描现场新的二维码，或者告诉工作人员。', en: 'Please scan the new code on the spot, or tell the staff.' },
  scan: { zh: '请用手机扫描现场的二维码', en: 'Please scan the code on the spot with your telephone' },
  sheetTitle: { zh: '扫码评价服务、报告问题', en: 'Scan to rate the service or report a problem' },
  sheetNetwork: { zh: '请先连接本楼无线网络', en: 'Connect to the building’s Wi-Fi first' },
} as const satisfies Readonly<Record<string, Label>>
export type Word = keyof typeof words
