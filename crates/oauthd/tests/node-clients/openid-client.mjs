// openid-client, as an application uses it.
import assert from 'node:assert/strict';
import * as client from 'openid-client';
import { finish, issuer, machine, native, visit, web } from './person.mjs';

const options = { algorithm: 'oauth2', execute: [client.allowInsecureRequests] };
const confidential = await client.discovery(new URL(issuer), web.id, {}, client.ClientSecretBasic(web.secret), options);
const publicly = await client.discovery(new URL(issuer), native.id, {}, client.None(), options);
const byBody = await client.discovery(new URL(issuer), machine.id, {}, client.ClientSecretPost(machine.secret), options);

const metadata = confidential.serverMetadata();
assert.equal(metadata.issuer, issuer);
assert.ok(metadata.supportsPKCE());
assert.equal(metadata.authorization_response_iss_parameter_supported, true);

for (const [config, redirect_uri] of [[confidential, web.redirect], [publicly, native.redirect]]) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const parameters = {
    redirect_uri,
    scope: 'read write',
    state,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
  };
  const url = client.buildAuthorizationUrl(config, parameters);
  const checks = { pkceCodeVerifier, expectedState: state };

  // A refusal comes back as an error that the library accepts: with `iss` and `state`.
  const denied = await visit(url, 'deny');
  await assert.rejects(client.authorizationCodeGrant(config, denied, checks), (error) => error.error === 'access_denied');

  const called = await visit(url);
  assert.equal(called.searchParams.get('iss'), issuer);
  const tokens = await client.authorizationCodeGrant(config, called, checks);
  assert.equal(tokens.token_type, 'bearer');
  assert.equal(tokens.scope, 'read write');
  assert.ok(tokens.expiresIn() > 0);

  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, { scope: 'read' });
  assert.notEqual(refreshed.access_token, tokens.access_token);
  assert.equal(refreshed.scope, 'read');
  const current = refreshed.refresh_token ?? tokens.refresh_token;

  if (config === confidential) {
    const told = await client.tokenIntrospection(config, refreshed.access_token);
    assert.deepEqual([told.active, told.client_id, told.sub, told.scope, told.iss], [true, web.id, 'alice', 'read', issuer]);
    assert.ok(told.exp > told.iat);
  } else {
    await assert.rejects(client.tokenIntrospection(config, refreshed.access_token), 'a public client may not introspect');
    assert.notEqual(current, tokens.refresh_token, 'rotated');
  }

  await client.tokenRevocation(config, current);
  await assert.rejects(client.refreshTokenGrant(config, current), (error) => error.error === 'invalid_grant');
  if (config === confidential) {
    assert.deepEqual(await client.tokenIntrospection(config, refreshed.access_token), { active: false });
  }
  await client.tokenRevocation(config, 'no-such-token');
}

for (const config of [confidential, byBody]) {
  const tokens = await client.clientCredentialsGrant(config, { scope: 'read' });
  assert.equal(tokens.refresh_token, undefined);
  assert.equal((await client.tokenIntrospection(config, tokens.access_token)).active, true);
  await assert.rejects(client.clientCredentialsGrant(config, { scope: 'profile' }), (error) => error.error === 'invalid_scope');
}
const wrong = await client.discovery(new URL(issuer), web.id, {}, client.ClientSecretBasic('wrong'), options);
await assert.rejects(client.clientCredentialsGrant(wrong), (error) => error.status === 401 || error.error === 'invalid_client');
finish();
