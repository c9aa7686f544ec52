// Logs a person in with openid-client 5, which many packages still bring along; spoken to as `msal_client.js` is.
import { createInterface } from "node:readline/promises";
import { Issuer, generators } from "openid-client-5";

const { issuer, clientId, clientSecret, redirectUri } = JSON.parse(process.argv[2]);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (what) => console.log(JSON.stringify(what));
const server = await Issuer.discover(issuer);
const client = new server.Client({ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] });

const [nonce, code_verifier] = [generators.nonce(), generators.codeVerifier()];
const code_challenge = generators.codeChallenge(code_verifier);
say({ goTo: client.authorizationUrl({ scope: "openid", nonce, code_challenge, code_challenge_method: "S256" }) });
const params = client.callbackParams((await lines.next()).value);
const tokens = await client.callback(redirectUri, params, { nonce, code_verifier });
say({ username: tokens.claims().preferred_username, bound: tokens.claims().at_hash });
say({ name: (await client.userinfo(tokens)).name });
const again = await client.refresh(tokens);
say({ refreshed: again.access_token !== tokens.access_token });
await client.revoke(again.access_token);
say({ active: (await client.introspect(again.access_token)).active });
process.exit(0);
