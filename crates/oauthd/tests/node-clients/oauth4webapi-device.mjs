// oauth4webapi on a device: every poll by hand, with PKCE, which RFC 8628 leaves to extensions.
import assert from 'node:assert/strict';
import * as oauth from 'oauth4webapi';
import { connect, finish, issuer, television } from './person.mjs';

const insecure = { [oauth.allowInsecureRequests]: true };
const discovered = await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...insecure });
const server = await oauth.processDiscoveryResponse(new URL(issuer), discovered);
const client = { client_id: television.id };

const ask = async (parameters) => {
  const answer = await oauth.deviceAuthorizationRequest(server, client, oauth.None(), parameters, insecure);
  return oauth.processDeviceAuthorizationResponse(server, client, answer);
};
const poll = async (codes, additionalParameters = {}) => {
  const answer = await oauth.deviceCodeGrantRequest(
    server, client, oauth.None(), codes.device_code, { ...insecure, additionalParameters });
  return oauth.processDeviceCodeResponse(server, client, answer);
};
const refusedWith = (code) => (error) => error instanceof oauth.ResponseBodyError && error.error === code;

const codes = await ask({ scope: 'read' });
assert.ok(codes.expires_in > 0);
await assert.rejects(poll(codes), refusedWith('authorization_pending'));
await assert.rejects(poll(codes), refusedWith('slow_down'));
assert.equal(await connect(codes.verification_uri, codes.user_code.toLowerCase()), 'You can go back to your device');
const tokens = await poll(codes);
assert.equal(tokens.token_type, 'bearer');
await assert.rejects(poll(codes), refusedWith('invalid_grant'));
const refreshed = await oauth.refreshTokenGrantRequest(server, client, oauth.None(), tokens.refresh_token, insecure);
assert.ok((await oauth.processRefreshTokenResponse(server, client, refreshed)).access_token);

const unwanted = await ask({ scope: 'read' });
assert.equal(await connect(unwanted.verification_uri, unwanted.user_code, 'deny'), 'Access was denied');
await assert.rejects(poll(unwanted), refusedWith('access_denied'));

const code_verifier = oauth.generateRandomCodeVerifier();
const bound = await ask({
  scope: 'read',
  code_challenge: await oauth.calculatePKCECodeChallenge(code_verifier),
  code_challenge_method: 'S256',
});
await connect(bound.verification_uri, bound.user_code);
assert.ok((await poll(bound, { code_verifier })).access_token);
finish();
