// Logs a person in with openid-client and prints one line of JSON for each thing that it got. The person is whoever runs
// this: it prints `{"goTo": URL}` and reads, as the next line of its input, the address that the browser was sent back to.
import { createInterface } from "node:readline/promises";
import * as client from "openid-client";

const { issuer, clientId, clientSecret, redirectUri, scope } = JSON.parse(process.argv[2]);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (what) => console.log(JSON.stringify(what));

const server = await client.discovery(new URL(issuer), clientId, clientSecret);
say({ metadata: server.serverMetadata() });

const verifier = client.randomPKCECodeVerifier();
const [state, nonce] = [client.randomState(), client.randomNonce()];
const url = client.buildAuthorizationUrl(server, {
  redirect_uri: redirectUri,
  scope,
  state,
  nonce,
  code_challenge: await client.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
});
say({ goTo: url.href });
const back = new URL((await lines.next()).value);

const mixedUp = new URL(back);
mixedUp.searchParams.set("iss", "https://evil.example");
const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
await client.authorizationCodeGrant(server, mixedUp, checks).then(
  () => say({ mixedUp: "accepted" }),
  (error) => say({ mixedUp: error.code }),
);
const tokens = await client.authorizationCodeGrant(server, back, checks);
const claims = tokens.claims();
say({ tokens, claims });
say({ userinfo: await client.fetchUserInfo(server, tokens.access_token, claims.sub) });
say({ introspected: await client.tokenIntrospection(server, tokens.access_token) });

const refreshed = await client.refreshTokenGrant(server, tokens.refresh_token);
say({ refreshed });
await client.tokenRevocation(server, refreshed.access_token);
say({ revoked: await client.tokenIntrospection(server, refreshed.access_token) });
say({ own: await client.clientCredentialsGrant(server) });
say({
  endSession: client.buildEndSessionUrl(server, {
    id_token_hint: tokens.id_token,
    post_logout_redirect_uri: redirectUri,
    state: "bye",
  }).href,
});
await client.authorizationCodeGrant(server, back, checks).then(
  () => say({ replayed: "accepted" }),
  (error) => say({ replayed: error.error }),
);
await client.refreshTokenGrant(server, tokens.refresh_token).then(
  () => say({ afterReplay: "accepted" }),
  (error) => say({ afterReplay: error.error }),
);
process.exit(0);
