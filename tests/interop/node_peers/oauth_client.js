// Gets tokens with simple-oauth2 and prints one line of JSON for each thing that it got. The person is whoever runs this: it
// prints `{"goTo": URL}` and reads, as the next line of its input, the address that the browser was sent back to.
import { createInterface } from "node:readline/promises";
import { AuthorizationCode, ClientCredentials, ResourceOwnerPassword } from "simple-oauth2";

const { server, clientId, clientSecret, redirectUri, person, password } = JSON.parse(process.argv[2]);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (what) => console.log(JSON.stringify(what));
const config = {
  client: { id: clientId, secret: clientSecret },
  auth: { tokenHost: server, tokenPath: "/oauth/token", revokePath: "/oauth/revoke" },
};

const client = new AuthorizationCode(config);
say({ goTo: client.authorizeURL({ redirect_uri: redirectUri, scope: "openid", state: "a-state" }) });
const back = new URL((await lines.next()).value);
const first = await client.getToken({ code: back.searchParams.get("code"), redirect_uri: redirectUri });
const refreshed = await first.refresh();
say({ refreshed: refreshed.token });
await refreshed.revoke("access_token");
say({ revoked: refreshed.token.access_token });
say({ own: (await new ClientCredentials(config).getToken({})).token });
say({ direct: (await new ResourceOwnerPassword(config).getToken({ username: person, password })).token });
await new ResourceOwnerPassword(config).getToken({ username: person, password: "wrong" }).then(
  () => say({ refused: "accepted" }),
  (error) => say({ refused: error.output.statusCode, payload: error.data.payload }),
);
process.exit(0);
