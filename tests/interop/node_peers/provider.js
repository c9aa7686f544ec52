// Runs oidc-provider as a company's identity provider, on HTTPS, for one client; prints a line when it listens.
import { createServer } from "node:https";
import { readFileSync } from "node:fs";
import { Provider } from "oidc-provider";

const { port, certificate, key, client } = JSON.parse(process.argv[2]);
const provider = new Provider(`https://localhost:${port}`, {
  clients: [client],
  cookies: { keys: ["of-a-test"] },
  claims: {
    openid: ["sub"],
    email: ["email", "email_verified"],
    profile: ["given_name", "family_name"],
    groups: ["groups"],
  },
  // It asks no address of this machine for keys, unless told otherwise.
  fetch: (url, { dispatcher: _, ...options }) => fetch(url, options),
  // Pages that take any password, and ask for consent.
  features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      email: `${id}@company.example`,
      email_verified: true,
      given_name: "Maria",
      family_name: "Muster",
      groups: ["buyers", "staff"],
    }),
  }),
});
for (const event of ["server_error", "authorization.error", "grant.error"]) {
  provider.on(event, (_, error) => console.error(error));
}
createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, provider.callback()).listen(
  port,
  "127.0.0.1",
  () => console.log("listening"),
);
