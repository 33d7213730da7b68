// client-oauth2 in a page of long ago: the access token comes in the fragment of the address.
import assert from 'node:assert/strict';
import ClientOAuth2 from 'client-oauth2';
import { finish, issuer, page, visit } from './person.mjs';

const client = new ClientOAuth2({
  clientId: page.id,
  authorizationUri: `${issuer}/authorize`,
  redirectUri: page.redirect,
  scopes: ['read', 'write'],
  state: 'some-state',
});

const called = await visit(client.token.getUri());
assert.equal(called.search, '', 'nothing of it is sent to the server of the page');
const token = await client.token.getToken(called.href);
assert.equal(token.tokenType, 'bearer');
assert.ok(token.expires > new Date() && !token.expired());
assert.equal(token.refreshToken, undefined, 'RFC 6749 §4.2.2');
assert.equal(token.data.iss, issuer);
assert.equal(token.sign({ url: 'https://api.example/', headers: {} }).headers.Authorization, `Bearer ${token.accessToken}`);

const denied = await visit(client.token.getUri(), 'deny');
await assert.rejects(client.token.getToken(denied.href), (error) => error.code === 'EAUTH' && error.body.error === 'access_denied');
finish();
