// A service provider with node-saml: prints its metadata and where the browser goes to, and reads the form that comes back.
import { createInterface } from "node:readline/promises";
import { readFileSync } from "node:fs";
import { SAML } from "@node-saml/node-saml";

const { entityId, idp, idpCertificate, key, certificate, consumer } = JSON.parse(process.argv[2]);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const say = (what) => console.log(JSON.stringify(what));
const next = async () => JSON.parse((await lines.next()).value);
const [privateKey, publicCert] = [key, certificate].map((file) => readFileSync(file, "utf8"));

const saml = new SAML({
  entryPoint: `${idp}/saml2/idp/sso`,
  idpIssuer: idp,
  idpCert: idpCertificate,
  issuer: entityId,
  audience: entityId,
  callbackUrl: consumer,
  identifierFormat: "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress",
  privateKey,
  publicCert,
  decryptionPvk: privateKey,
  signatureAlgorithm: "sha256",
  digestAlgorithm: "sha256",
  wantAssertionsSigned: true,
  wantAuthnResponseSigned: true,
  validateInResponseTo: "always",
});
say({ metadata: saml.generateServiceProviderMetadata(publicCert, publicCert) });
await next();
say({ goTo: await saml.getAuthorizeUrlAsync("the-basket", undefined, {}) });
const form = await next();
const altered = { ...form, SAMLResponse: form.altered };
await saml.validatePostResponseAsync(altered).then(
  () => say({ altered: "accepted" }),
  (error) => say({ altered: error.message }),
);
say({ goTo: await saml.getAuthorizeUrlAsync("the-basket", undefined, {}) });
const again = await next();
say(await saml.validatePostResponseAsync(again));
await saml.validatePostResponseAsync(again).then(
  () => say({ replayed: "accepted" }),
  (error) => say({ replayed: error.message }),
);
process.exit(0);
