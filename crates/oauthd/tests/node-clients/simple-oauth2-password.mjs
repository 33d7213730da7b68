// simple-oauth2 with a person's password: the grant that nobody should use any more.
import assert from 'node:assert/strict';
import { ResourceOwnerPassword } from 'simple-oauth2';
import { alice, finish, issuer, mailer } from './person.mjs';

const client = new ResourceOwnerPassword({
  client: { id: mailer.id, secret: mailer.secret },
  auth: { tokenHost: issuer, tokenPath: '/token', revokePath: '/revoke' },
});
const token = await client.getToken({ username: 'alice', password: alice, scope: ['read', 'write'] });
assert.equal(token.expired(), false);
const next = await token.refresh({ scope: 'read' });
assert.equal(next.token.scope, 'read');
await token.revokeAll();
await assert.rejects(token.refresh(), (error) => error.output.statusCode === 400);

for (const [username, password] of [['alice', 'wrong'], ['nobody', alice]]) {
  await assert.rejects(client.getToken({ username, password }), (error) => {
    assert.equal(error.output.statusCode, 400);
    assert.equal(error.data.payload.error, 'invalid_grant');
    return true;
  });
}
finish();
