// An SMSC for the tests. It prints its port, then one JSON line for each event:
//   {"listening":port} {"bound":system_id,"version":n} {"submit":{…}} {"taken":phone} {"receipt":status} {"unbound":true}
//   {"answered":{"command","status","sequence"}} the client's answer to raw octets
// and reads one JSON line for each command:
//   {"answer":status} every submit from now on; {"refuse_every":n}: the queue is full for each n-th; {"hang":true|false}; {"cut":true|false}: take it, then cut;
//   {"no_validity":true|false}: refuse submits with a validity period; {"slow":ms}: answer submits late;
//   {"body":hex|null}: answer submits with this body; {"raw":hex}: send these octets to all sessions
//   {"drop":true}: cut all sessions now; {"receipt":{"text":…,"id":…,"state":…}}: send one to all sessions
const smpp = require('smpp');

const say = (what) => console.log(JSON.stringify(what));
const sessions = new Set();
let [answer, hang, cut, count, asked, refuseEvery] = [0, false, false, 0, 0, 0];
let [noValidity, slow, body] = [false, 0, null];

const server = smpp.createServer((session) => {
  sessions.add(session);
  session.on('close', () => sessions.delete(session));
  session.on('error', () => session.destroy());
  session.on('bind_transceiver', (pdu) => {
    const status = pdu.password === 'secret' ? 0 : smpp.ESME_RINVPASWD;
    session.send(pdu.response({ command_status: status, system_id: 'smsc' }));
    say({ bound: pdu.system_id, version: pdu.interface_version, status });
  });
  session.on('enquire_link', (pdu) => {
    say({ alive: true });
    if (!hang) session.send(pdu.response());
  });
  session.on('unbind', (pdu) => {
    say({ unbound: true });
    session.send(pdu.response(), () => session.close());
  });
  for (const command of ['generic_nack', 'deliver_sm_resp', 'data_sm_resp']) {
    session.on(command, (pdu) => say({ answered: { command, status: pdu.command_status, sequence: pdu.sequence_number } }));
  }
  session.on('submit_sm', (pdu) => {
    const text = pdu.short_message.message;
    const { destination_addr, dest_addr_ton, dest_addr_npi, source_addr, source_addr_ton } = pdu;
    const { data_coding, esm_class, registered_delivery, validity_period } = pdu;
    say({ submit: {
      text: Buffer.isBuffer(text) ? text.toString('hex') : text, destination_addr, dest_addr_ton, dest_addr_npi,
      source_addr, source_addr_ton, data_coding, esm_class, registered_delivery, validity_period } });
    if (cut) return session.destroy();
    if (hang) return;
    asked += 1;
    if (noValidity && validity_period) return session.send(pdu.response({ command_status: 0x62 }));
    const status = refuseEvery && asked % refuseEvery === 0 ? smpp.ESME_RMSGQFUL : answer;
    if (body !== null) {
      const octets = Buffer.from(body, 'hex');
      const head = Buffer.alloc(16);
      [16 + octets.length, 0x80000004, status, pdu.sequence_number].forEach((word, i) => head.writeUInt32BE(word, i * 4));
      return session.socket.write(Buffer.concat([head, octets]));
    }
    if (status) return session.send(pdu.response({ command_status: status }));
    count += 1;
    say({ taken: destination_addr });
    setTimeout(() => session.send(pdu.response({ message_id: `m${count}` })), slow);
  });
});

server.listen(Number(process.argv[2] || 0), '127.0.0.1', () => say({ listening: server.address().port }));

const receipt = ({ text, id, state }) => ({
  esm_class: 4, short_message: text || '', source_addr: '380931234585', destination_addr: 'eHealth',
  ...(id && { receipted_message_id: id }), ...(state && { message_state: state }),
});
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const told = JSON.parse(line);
  if ('answer' in told) answer = told.answer;
  if ('refuse_every' in told) refuseEvery = told.refuse_every;
  if ('hang' in told) hang = told.hang;
  if ('cut' in told) cut = told.cut;
  if ('no_validity' in told) noValidity = told.no_validity;
  if ('slow' in told) slow = told.slow;
  if ('body' in told) body = told.body;
  if (told.raw) sessions.forEach((session) => session.socket.write(Buffer.from(told.raw, 'hex')));
  if (told.drop) sessions.forEach((session) => session.destroy());
  if (told.receipt) {
    const taken = (pdu) => say({ receipt: pdu.command_status });
    sessions.forEach((session) => session.deliver_sm(receipt(told.receipt), taken));
  }
  say({ done: true });
}).on('close', () => process.exit(0));
