// oauth4webapi: every message by hand, every check of the library on.
import assert from 'node:assert/strict';
import * as oauth from 'oauth4webapi';
import { finish, issuer, native, visit, web } from './person.mjs';

const insecure = { [oauth.allowInsecureRequests]: true };
const identifier = new URL(issuer);
const discovered = await oauth.discoveryRequest(identifier, { algorithm: 'oauth2', ...insecure });
const server = await oauth.processDiscoveryResponse(identifier, discovered);
assert.deepEqual(server.code_challenge_methods_supported, ['S256']);

const clients = [
  [{ client_id: web.id }, oauth.ClientSecretBasic(web.secret), web.redirect],
  [{ client_id: native.id }, oauth.None(), native.redirect],
];
for (const [client, authentication, redirectUri] of clients) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const url = new URL(server.authorization_endpoint);
  url.search = new URLSearchParams({
    client_id: client.client_id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'read',
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });

  const denied = await visit(url, 'deny');
  assert.throws(() => oauth.validateAuthResponse(server, client, denied, state), oauth.AuthorizationResponseError);

  const called = await visit(url);
  const parameters = oauth.validateAuthResponse(server, client, called, state);
  const request = () =>
    oauth.authorizationCodeGrantRequest(server, client, authentication, parameters, redirectUri, verifier, insecure);
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, await request());
  assert.equal(tokens.scope, 'read');

  const again = await oauth.refreshTokenGrantRequest(server, client, authentication, tokens.refresh_token, insecure);
  const refreshed = await oauth.processRefreshTokenResponse(server, client, again);
  const current = refreshed.refresh_token ?? tokens.refresh_token;

  const secretHolder = { client_id: web.id };
  const introspect = async (token) => {
    const answer = await oauth.introspectionRequest(server, secretHolder, oauth.ClientSecretBasic(web.secret), token, insecure);
    return oauth.processIntrospectionResponse(server, secretHolder, answer);
  };
  if (client.client_id === web.id) assert.equal((await introspect(refreshed.access_token)).active, true);
  else assert.deepEqual(await introspect(refreshed.access_token), { active: false }, "another client's token");

  const revoked = await oauth.revocationRequest(server, client, authentication, current, insecure);
  await oauth.processRevocationResponse(revoked);
  const after = await oauth.refreshTokenGrantRequest(server, client, authentication, current, insecure);
  await assert.rejects(oauth.processRefreshTokenResponse(server, client, after), (error) => error.error === 'invalid_grant');

  // The code was spent long ago.
  const replay = oauth.processAuthorizationCodeResponse(server, client, await request());
  await assert.rejects(replay, (error) => error.error === 'invalid_grant');
}

const credentials = await oauth.clientCredentialsGrantRequest(
  server, { client_id: web.id }, oauth.ClientSecretBasic(web.secret), { scope: 'write' }, insecure);
assert.equal((await oauth.processClientCredentialsResponse(server, { client_id: web.id }, credentials)).scope, 'write');
const wrong = await oauth.clientCredentialsGrantRequest(
  server, { client_id: web.id }, oauth.ClientSecretBasic('wrong'), {}, insecure);
await assert.rejects(oauth.processClientCredentialsResponse(server, { client_id: web.id }, wrong),
  (error) => error.status === 401 && error.cause.some(({ scheme }) => scheme === 'basic'));
finish();
