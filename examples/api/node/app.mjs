// A small site behind gatehouse, with jose and Node's own HTTP server. It takes the user from the token that gatehouse
// signed and from nothing else, so whoever reaches it past nginx is nobody.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRemoteJWKSet, jwtVerify } from "jose";

const LEEWAY = 5; // seconds, between two machines' clocks

/** Returns the secret that gatehouse signs with. */
function readSecret(path) {
  if (!path) {
    throw new Error(
      "JWT_SECRET_FILE is not set: name the file of gatehouse's jwt.secret_file, or its https URL in JWT_ISSUER",
    );
  }
  let secret;
  try {
    secret = readFileSync(path, "latin1");
  } catch (error) {
    throw new Error(`JWT_SECRET_FILE: ${error.message}`);
  }
  secret = Buffer.from(secret.replace(/\n$/, "").replace(/\r$/, ""), "latin1"); // one line break, as gatehouse
  if (secret.length < 32) {
    throw new Error(`JWT_SECRET_FILE: ${path} holds fewer than 32 bytes`);
  }
  return secret;
}

/** Returns where the keys of an issuer are (OpenID Connect Discovery 1.0, section 4). */
async function discover(issuer) {
  let found;
  try {
    const answer = await fetch(issuer.replace(/\/$/, "") + "/.well-known/openid-configuration", {
      redirect: "error",
      signal: AbortSignal.timeout(10_000),
    });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    found = await answer.json();
  } catch (error) {
    throw new Error(`JWT_ISSUER: ${issuer} does not say where its keys are: ${error.cause?.message || error.cause?.code || error.message}`);
  }
  if (found.issuer !== issuer) {
    throw new Error(`JWT_ISSUER: ${issuer} says that its name is ${JSON.stringify(found.issuer)}: write exactly that`);
  }
  return found.jwks_uri;
}

/** Returns a function from a token to its claims, which throws where it is not to be believed. */
async function newVerifier({ JWT_KEYS_URL, JWT_SECRET_FILE, JWT_ISSUER, JWT_AUDIENCE }) {
  const rules = {
    issuer: JWT_ISSUER || undefined, // without one, any will do
    audience: JWT_AUDIENCE || undefined,
    clockTolerance: LEEWAY,
    requiredClaims: ["exp"],
  };
  if (JWT_KEYS_URL || (!JWT_SECRET_FILE && /^https?:/.test(JWT_ISSUER ?? ""))) {
    const url = new URL(JWT_KEYS_URL || (await discover(JWT_ISSUER)));
    const keys = createRemoteJWKSet(url, { cacheMaxAge: 300_000 }); // asks again for a key that is not known
    rules.algorithms = ["EdDSA", "ES256", "RS256"]; // those of gatehouse's keys: each key has one of them
    return async (token) => (await jwtVerify(token, keys, rules)).payload;
  }
  const secret = readSecret(JWT_SECRET_FILE);
  rules.algorithms = ["HS256"]; // never what the token itself says of its signature
  return async (token) => (await jwtVerify(token, secret, rules)).payload;
}

/** Returns who the token in the header speaks of. X-Auth-Username is not looked at: anybody can write it. */
async function userOf(headers, verify) {
  if (headers.length !== 1) throw new Error(`${headers.length} Authorization headers, want one`);
  const [, scheme, token] = /^(\S*) ?(.*)$/.exec(headers[0]);
  if (scheme.toLowerCase() !== "bearer") throw new Error("no Bearer token");
  const { iat, username, realm = "", roles = [] } = await verify(token);
  if (iat !== undefined && iat > Date.now() / 1000 + LEEWAY) throw new Error("the token is yet to be issued");
  if (typeof username !== "string" || !username) throw new Error("the token names nobody");
  return { username, realm, roles };
}

function answer(response, status, body) {
  response.writeHead(status, {
    ...(status === 401 && { "WWW-Authenticate": "Bearer" }),
    "Content-Type": "application/json",
    "Cache-Control": "no-store",
  });
  response.end(JSON.stringify(body));
}

async function main() {
  const verify = await newVerifier(process.env);
  const server = createServer(async (request, response) => {
    try {
      answer(response, 200, await userOf(request.headersDistinct.authorization ?? [], verify));
    } catch (error) {
      console.error("refused:", error.message); // the reason is for us: a client learns that it is nobody
      answer(response, 401, { error: "Unauthorized access" });
    }
  });
  const [, host, port] = /^(.*):(\d+)$/.exec(process.env.LISTEN || "127.0.0.1:8081") ?? [];
  if (!port) throw new Error("LISTEN: is not HOST:PORT");
  server.on("error", (error) => fail(`LISTEN: ${error.message}`));
  server.listen(Number(port), host, () => console.error(`listening on ${host}:${server.address().port}`));
  for (const end of ["SIGTERM", "SIGINT"]) process.on(end, () => process.exit(0));
}

function fail(why) {
  console.error(`api: ${why}`);
  process.exit(1);
}

main().catch((error) => fail(error.message));
