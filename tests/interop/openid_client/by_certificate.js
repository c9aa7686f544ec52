// Gets, examines and ends a token with openid-client, which proves itself by a TLS certificate where the metadata says.
import { readFileSync } from "node:fs";
import { request } from "node:https";
import * as client from "openid-client";

const { issuer, clientId, certificate } = JSON.parse(process.argv[2]);
const pem = certificate && readFileSync(certificate);

// What fetch() of Node.js lacks without a further package: a certificate of the client.
const showing = (url, { method, headers, body }) =>
  new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, cert: pem, key: pem }, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => {
        const told = Object.entries(answer.headers).map(([name, value]) => [name, String(value)]);
        resolve(new Response(Buffer.concat(chunks), { status: answer.statusCode, headers: told }));
      });
    });
    asked.on("error", reject);
    asked.end(body ? String(body) : undefined);
  });

const server = await client.discovery(
  new URL(issuer),
  clientId,
  { use_mtls_endpoint_aliases: true },
  client.TlsClientAuth(),
  { [client.customFetch]: showing },
);
try {
  const token = await client.clientCredentialsGrant(server);
  const introspected = await client.tokenIntrospection(server, token.access_token);
  await client.tokenRevocation(server, token.access_token);
  const revoked = await client.tokenIntrospection(server, token.access_token);
  console.log(JSON.stringify({ token, introspected, revoked }));
} catch (error) {
  console.log(JSON.stringify({ refused: error.error, status: error.status }));
}
