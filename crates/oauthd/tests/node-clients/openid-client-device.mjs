// openid-client on a device without a browser, polling as the library does it.
import assert from 'node:assert/strict';
import * as client from 'openid-client';
import { connect, finish, issuer, television } from './person.mjs';

const options = { algorithm: 'oauth2', execute: [client.allowInsecureRequests] };
const config = await client.discovery(new URL(issuer), television.id, {}, client.None(), options);
assert.equal(config.serverMetadata().device_authorization_endpoint, `${issuer}/device_authorization`);

const ask = async () => {
  const codes = await client.initiateDeviceAuthorization(config, { scope: 'read profile' });
  assert.equal(codes.verification_uri, `${issuer}/device`);
  assert.equal(codes.interval, 1);
  return codes;
};

// It polls already while the person reads the page.
const codes = await ask();
const polling = client.pollDeviceAuthorizationGrant(config, codes);
assert.equal(await connect(codes.verification_uri, codes.user_code), 'You can go back to your device');
const tokens = await polling;
assert.equal(tokens.token_type, 'bearer');
assert.ok(tokens.expiresIn() > 0);
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token, { scope: 'read' });
assert.equal(refreshed.scope, 'read');
await client.tokenRevocation(config, refreshed.refresh_token);
await assert.rejects(client.refreshTokenGrant(config, refreshed.refresh_token), (error) => error.error === 'invalid_grant');
await assert.rejects(client.pollDeviceAuthorizationGrant(config, codes), (error) => error.error === 'invalid_grant');

// By the link, which is as good as typing.
const linked = await ask();
assert.equal(await connect(linked.verification_uri_complete, linked.user_code), 'You can go back to your device');
assert.ok((await client.pollDeviceAuthorizationGrant(config, linked)).access_token);

const unwanted = await ask();
assert.equal(await connect(unwanted.verification_uri, unwanted.user_code, 'deny'), 'Access was denied');
await assert.rejects(client.pollDeviceAuthorizationGrant(config, unwanted), (error) => error.error === 'access_denied');

await assert.rejects(client.initiateDeviceAuthorization(config, { scope: 'write' }), (error) => error.error === 'invalid_scope');
finish();
