// Gets tokens with MSAL for Node and prints one line of JSON for each thing that it got. The person is whoever runs this: it
// prints `{"goTo": URL}` and reads, as the next line of its input, the address that the browser was sent back to.
import { createInterface } from "node:readline/promises";
import { ConfidentialClientApplication } from "@azure/msal-node";

const { issuer, clientId, clientSecret, redirectUri } = JSON.parse(process.argv[2]);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (what) => console.log(JSON.stringify(what));
const client = new ConfidentialClientApplication({
  auth: { clientId, clientSecret, authority: issuer, knownAuthorities: [new URL(issuer).host] },
  system: { protocolMode: "OIDC" },
});

const asked = { scopes: ["openid"], redirectUri };
say({ goTo: await client.getAuthCodeUrl(asked) });
const back = new URL((await lines.next()).value);
const first = await client.acquireTokenByCode({ ...asked, code: back.searchParams.get("code") });
say({ username: first.account.username });
const again = await client.acquireTokenSilent({ scopes: ["openid"], account: first.account, forceRefresh: true });
say({ refreshed: again.accessToken !== first.accessToken });
say({ own: (await client.acquireTokenByClientCredential({ scopes: ["uaa.resource"] })).scopes });
const exchanged = await client.acquireTokenOnBehalfOf({ oboAssertion: first.accessToken, scopes: ["openid"] });
say({ exchanged: exchanged.accessToken });
process.exit(0);
