// Call signalling: every change of state is one message to all devices of both sides.

import { after, before, beforeEach, test } from 'node:test';
import assert from 'node:assert/strict';
import { World, refused } from './harness.mjs';

let w, ann, ann2, bob, bob2, cy, everyone;
before(async () => {
  w = await World.open();
  [ann, ann2, bob, bob2, cy] = [await w.device('ann'), await w.device('ann'), await w.device('bob'), await w.device('bob'), await w.device('cy')];
  everyone = [ann, ann2, bob, bob2, cy];
  await w.fence(...everyone);
});
beforeEach(() => {
  for (const device of everyone) device.client.clearActiveCall();
  return w.fresh(...everyone);
});
after(() => w?.close());

const ring = (caller, receiver, { type = 'audio', to = 'user', timeout = 45 } = {}) =>
  caller.sdk.initiateCall(new caller.client.Call(receiver, type, to), timeout);

function checkCall(call, { session, status, initiator = 'ann', sender, type = 'audio' }) {
  assert.equal(call.getCategory(), 'call');
  assert.equal(call.getType(), type);
  assert.equal(call.getStatus(), status);
  assert.equal(call.getSessionId(), session);
  assert.equal(call.getCallInitiator().getUid(), initiator);
  if (sender) assert.equal(call.getSender().getUid(), sender);
  assert.ok(Number.isSafeInteger(Number(call.getId())));
}

test('ringing', async () => {
  const call = await ring(ann, 'bob', { type: 'video' });
  const session = call.getSessionId();
  assert.ok(session);
  assert.ok(!session.includes('v1.'), 'that would mark a call without signalling');
  checkCall(call, { session, status: 'initiated', sender: 'ann', type: 'video' });
  assert.equal(call.getCallReceiver().getUid(), 'bob');
  for (const device of [bob, bob2]) {
    const [incoming] = await device.expect('onIncomingCallReceived');
    checkCall(incoming, { session, status: 'initiated', sender: 'ann', type: 'video' });
    assert.equal(incoming.getCallInitiator().getName(), 'Ann');
    assert.equal(incoming.getReceiverId(), 'bob');
    assert.equal(incoming.getReceiverType(), 'user');
    assert.ok(incoming.getInitiatedAt());
  }
  await w.fence(...everyone);
  assert.deepEqual(ann.unclaimed(), [], 'the calling device does not ring');
  assert.deepEqual(cy.unclaimed(), []);
  await ann.sdk.rejectCall(session, 'cancelled');
});

test('accepted and ended by the caller', async () => {
  const session = (await ring(ann, 'bob')).getSessionId();
  await bob.expect('onIncomingCallReceived');
  const accepted = await bob.sdk.acceptCall(session);
  checkCall(accepted, { session, status: 'ongoing', sender: 'bob' });
  for (const device of [ann, ann2, bob2]) {
    const [call] = await device.expect('onOutgoingCallAccepted');
    checkCall(call, { session, status: 'ongoing', sender: 'bob' });
  }
  const ended = await ann.sdk.endCall(session);
  checkCall(ended, { session, status: 'ended', sender: 'ann' });
  for (const device of [bob, bob2, ann2]) {
    const [call] = await device.expect('onCallEndedMessageReceived');
    checkCall(call, { session, status: 'ended', sender: 'ann' });
  }
  await w.fence(ann, bob);
  assert.ok(!ann.unclaimed().includes('onCallEndedMessageReceived'), 'not on the device that hung up');
  assert.ok(!bob.unclaimed().includes('onOutgoingCallAccepted'), 'not on the device that answered');
  await refused(bob.sdk.acceptCall(session), 'ERR_CALL_TERMINATED');
});

test('accepted and ended by the callee', async () => {
  const session = (await ring(ann, 'bob')).getSessionId();
  await bob.sdk.acceptCall(session);
  await ann.expect('onOutgoingCallAccepted');
  const ended = await bob.sdk.endCall(session);
  checkCall(ended, { session, status: 'ended', sender: 'bob' });
  await ann.expect('onCallEndedMessageReceived', (call) => call.getSessionId() === session);
});

test('rejected', async () => {
  const session = (await ring(ann, 'bob')).getSessionId();
  await bob.expect('onIncomingCallReceived');
  const rejected = await bob.sdk.rejectCall(session, 'rejected');
  checkCall(rejected, { session, status: 'rejected', sender: 'bob' });
  for (const device of [ann, ann2, bob2]) {
    const [call] = await device.expect('onOutgoingCallRejected');
    checkCall(call, { session, status: 'rejected', sender: 'bob' });
  }
  await refused(bob.sdk.acceptCall(session), 'ERR_CALL_TERMINATED');
});

test('busy', async () => {
  const session = (await ring(ann, 'bob')).getSessionId();
  await bob.expect('onIncomingCallReceived');
  const busy = await bob.sdk.rejectCall(session, 'busy');
  checkCall(busy, { session, status: 'busy', sender: 'bob' });
  const [call] = await ann.expect('onOutgoingCallRejected');
  checkCall(call, { session, status: 'busy', sender: 'bob' });
});

test('given up by the caller', async () => {
  const session = (await ring(ann, 'bob')).getSessionId();
  await bob.expect('onIncomingCallReceived');
  const cancelled = await ann.sdk.rejectCall(session, 'cancelled');
  checkCall(cancelled, { session, status: 'cancelled', sender: 'ann' });
  for (const device of [bob, bob2, ann2]) {
    const [call] = await device.expect('onIncomingCallCancelled');
    checkCall(call, { session, status: 'cancelled', sender: 'ann' });
  }
});

test('not answered in time', async () => {
  const session = (await ring(ann, 'bob', { timeout: 1 })).getSessionId();
  for (const device of [bob, bob2]) {
    await device.expect('onIncomingCallReceived');
    const [call] = await device.expect('onIncomingCallCancelled');
    checkCall(call, { session, status: 'unanswered' });
  }
  const [call] = await ann2.expect('onOutgoingCallRejected');
  checkCall(call, { session, status: 'unanswered' });
  await ann.expect('onOutgoingCallRejected', (own) => own.getStatus() === 'unanswered');
});

test('the server ends one that nobody answers, whatever the clients do', async () => {
  const session = (await ring(ann, 'bob', { timeout: 300 })).getSessionId();
  for (const device of [bob, bob2]) await device.expect('onIncomingCallReceived');
  await w.server.advance('61s');
  for (const device of [bob, bob2]) {
    const [call] = await device.expect('onIncomingCallCancelled');
    checkCall(call, { session, status: 'unanswered' });
  }
  for (const device of [ann, ann2]) await device.expect('onOutgoingCallRejected', (own) => own.getStatus() === 'unanswered');
});

test('outsiders and fools', async () => {
  await refused(ring(ann, 'nobody'), 'ERR_UID_NOT_FOUND');
  ann.client.clearActiveCall();
  await refused(ring(ann, 'ann'), 'ERR_CALLING_SELF');
  ann.client.clearActiveCall();
  const session = (await ring(ann, 'bob')).getSessionId();
  await refused(cy.sdk.acceptCall(session), 'ERR_CALL_NOT_A_PART', 'ERR_CALL_SESSION_NOT_FOUND');
  await refused(cy.sdk.acceptCall('no-such-session'), 'ERR_CALL_SESSION_NOT_FOUND');
  await w.fence(ann);
  assert.ok(!ann.unclaimed().includes('onOutgoingCallAccepted'));
  await ann.sdk.rejectCall(session, 'cancelled');
});

test('a call to a group', async () => {
  await ann.sdk.createGroup(new ann.client.Group('crew', 'Crew', 'public'));
  for (const device of [bob, cy]) await device.sdk.joinGroup('crew', 'public');
  await w.fence(...everyone);
  w.forget(...everyone);

  const call = await ring(ann, 'crew', { to: 'group', type: 'video' });
  const session = call.getSessionId();
  checkCall(call, { session, status: 'initiated', sender: 'ann', type: 'video' });
  assert.equal(call.getCallReceiver().getGuid(), 'crew');
  for (const device of [bob, bob2, cy]) {
    const [incoming] = await device.expect('onIncomingCallReceived');
    checkCall(incoming, { session, status: 'initiated', sender: 'ann', type: 'video' });
    assert.equal(incoming.getReceiverType(), 'group');
    assert.equal(incoming.getReceiverId(), 'crew');
  }
  const rejected = await cy.sdk.rejectCall(session, 'rejected');
  checkCall(rejected, { session, status: 'rejected', sender: 'cy', type: 'video' });
  await ann.expect('onOutgoingCallRejected', (c) => c.getSender().getUid() === 'cy');
  const accepted = await bob.sdk.acceptCall(session);
  checkCall(accepted, { session, status: 'ongoing', sender: 'bob', type: 'video' });
  const [heard] = await ann.expect('onOutgoingCallAccepted');
  checkCall(heard, { session, status: 'ongoing', sender: 'bob', type: 'video' });
  const left = await bob.sdk.endCall(session);
  checkCall(left, { session, status: 'ended', sender: 'bob', type: 'video' });
  await ann.sdk.endCall(session);
});

test('a group call goes on until the last has left', async () => {
  const [ute, vic, wim] = [await w.device('ute'), await w.device('vic'), await w.device('wim')];
  await ute.sdk.createGroup(new ute.client.Group('trio', 'Trio', 'public'));
  for (const device of [vic, wim]) await device.sdk.joinGroup('trio', 'public');
  const session = (await ring(ute, 'trio', { to: 'group' })).getSessionId();
  await vic.sdk.acceptCall(session);
  await wim.sdk.acceptCall(session);
  await wim.sdk.endCall(session);
  await w.fence(ute, vic);
  for (const device of [ute, vic]) {
    // A client that hears of an end puts its own call away.
    assert.ok(!device.unclaimed().includes('onCallEndedMessageReceived'), `${device.label} is still talking`);
    assert.equal(device.client.getActiveCall()?.getSessionId(), session);
  }
  await vic.sdk.endCall(session);
  // Nobody is left for Ute to talk to: that is told, and her client puts its call away.
  const [over] = await ute.expect('onCallEndedMessageReceived');
  checkCall(over, { session, status: 'ended', initiator: 'ute' });
  assert.equal(ute.client.getActiveCall(), null);
  const next = (await ring(wim, 'trio', { to: 'group' })).getSessionId();
  assert.notEqual(next, session, 'and then there is room for the next');
  await wim.sdk.rejectCall(next, 'cancelled');
});

test('one whose page died during a call can call again', async () => {
  const [hana, ivo, kai] = [await w.device('hana'), await w.device('ivo'), await w.device('kai')];
  const session = (await ring(hana, 'ivo')).getSessionId();
  await ivo.sdk.acceptCall(session);
  await hana.expect('onOutgoingCallAccepted');
  // The client keeps its call in memory only: after this neither it nor its user can end the old one.
  const again = await hana.reload();
  await again.online();
  assert.equal(again.client.getActiveCall(), null);
  const next = await ring(again, 'kai');
  assert.notEqual(next.getSessionId(), session);
  await kai.expect('onIncomingCallReceived', (call) => call.getSessionId() === next.getSessionId());
  await again.sdk.rejectCall(next.getSessionId(), 'cancelled');
});

test('calls are in the history', async () => {
  const [jan, gil] = [await w.device('jan'), await w.device('gil')];
  const session = (await ring(jan, 'gil')).getSessionId();
  await gil.sdk.acceptCall(session);
  await jan.expect('onOutgoingCallAccepted', (call) => call.getSessionId() === session);
  await jan.sdk.endCall(session);
  const request = new gil.client.MessagesRequestBuilder().setUID('jan').setCategories(['call']).setLimit(10).build();
  const calls = await request.fetchPrevious();
  assert.deepEqual(calls.map((c) => c.getStatus()), ['initiated', 'ongoing', 'ended']);
  for (const call of calls) assert.equal(call.getSessionId(), session);
});
