// simple-oauth2, which refuses any answer to a revocation whose content type is not JSON.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { AuthorizationCode, ClientCredentials } from 'simple-oauth2';
import { finish, issuer, machine, visit, web } from './person.mjs';

const auth = { tokenHost: issuer, tokenPath: '/token', revokePath: '/revoke' };
const client = new AuthorizationCode({
  client: { id: web.id, secret: web.secret },
  auth: { ...auth, authorizePath: '/authorize' },
});

async function signIn() {
  const verifier = randomBytes(32).toString('base64url');
  const url = client.authorizeURL({
    redirect_uri: web.redirect,
    scope: ['read', 'write'],
    state: 'some-state',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const code = (await visit(url)).searchParams.get('code');
  return client.getToken({ code, redirect_uri: web.redirect, code_verifier: verifier });
}

// Without rotation an answer has no refresh token, and the one before stays good (RFC 6749 §6). Version 5.1 means to
// carry it on and loses it, so applications do it themselves.
const refreshed = async (token, parameters) => {
  const { token: next } = await token.refresh(parameters);
  return client.createToken({ ...next, refresh_token: next.refresh_token ?? token.token.refresh_token });
};

const first = await signIn();
assert.equal(first.expired(), false);
const second = await refreshed(first);
assert.notEqual(second.token.access_token, first.token.access_token);
await second.revoke('access_token');
const third = await refreshed(second, { scope: 'read' });
assert.equal(third.token.scope, 'read');
await third.revoke('refresh_token');
await assert.rejects(third.refresh(), (error) => error.output.statusCode === 400);

const other = await signIn();
await other.revokeAll();
await assert.rejects(other.refresh(), (error) => error.output.statusCode === 400);

for (const authorizationMethod of ['header', 'body']) {
  const { id, secret } = authorizationMethod === 'header' ? web : machine;
  const credentials = new ClientCredentials({ client: { id, secret }, auth, options: { authorizationMethod } });
  const token = await credentials.getToken({ scope: 'read' });
  await token.revoke('access_token');
}
finish();
