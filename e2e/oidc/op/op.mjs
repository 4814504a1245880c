// An OpenID provider for tests: oidc-provider with Keycloak's paths and offline tokens. It listens on 127.0.0.1 alone.
//
//   node op.mjs PACKAGES PORT CLIENT_SECRET
//
// PACKAGES is a folder with node_modules. It prints "listening" when it is ready. The test's own paths:
// POST /test/keys, [{"kid": …, "alg": …, "use": …}, …], publishes these keys and no others; GET /test/counts says how
// often each path was asked for.
import * as crypto from 'node:crypto';
import http from 'node:http';
import { pathToFileURL } from 'node:url';

const [packages, port, secret] = process.argv.slice(2);
const { default: Provider } = await import(new URL('node_modules/oidc-provider/lib/index.js', pathToFileURL(`${packages}/`)));

const realm = '/realms/site';
const issuer = `http://127.0.0.1:${port}${realm}`;
const openid = '/protocol/openid-connect';
const idToken = { id_token_signed_response_alg: 'ES256' };
const counts = {};
const made = {}; // private keys by their kid
let callback;

function newKey({ kid, alg, use = 'sig' }) {
  const [kind, options] = {
    ES: ['ec', { namedCurve: { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[alg] }], Ed: ['ed25519', {}],
  }[alg.slice(0, 2)] ?? ['rsa', { modulusLength: 2048 }];
  const { privateKey } = crypto.generateKeyPairSync(kind, options);
  return { ...privateKey.export({ format: 'jwk' }), kid, use, alg };
}

// A resource is https://data.example.org/ALG, or …/opaque, …/encrypted; its query may have a ttl in seconds.
async function getResourceServerInfo(_ctx, indicator) {
  const resource = new URL(indicator);
  const alg = resource.pathname.slice(1);
  const encrypt = { alg: 'dir', enc: 'A128CBC-HS256', key: crypto.randomBytes(32) };
  return {
    scope: 'read write', audience: resource.origin, accessTokenTTL: Number(resource.searchParams.get('ttl') ?? 600),
    accessTokenFormat: alg === 'opaque' ? 'opaque' : 'jwt',
    jwt: alg === 'encrypted' ? { encrypt } : { sign: { alg } },
  };
}

const configuration = (keys) => ({
  jwks: { keys },
  clients: [
    { client_id: 'robot', client_secret: secret, grant_types: ['client_credentials'], redirect_uris: [], response_types: [], ...idToken },
    { client_id: 'gatehouse', client_secret: secret, grant_types: ['client_credentials'], redirect_uris: [], response_types: [], ...idToken },
    {
      client_id: 'app', application_type: 'native', token_endpoint_auth_method: 'none', redirect_uris: ['http://127.0.0.1/back'],
      grant_types: ['authorization_code', 'refresh_token'], ...idToken,
    },
  ],
  routes: {
    authorization: `${openid}/auth`, token: `${openid}/token`, introspection: `${openid}/token/introspect`,
    jwks: `${openid}/certs`, revocation: `${openid}/revoke`,
  },
  features: {
    clientCredentials: { enabled: true }, introspection: { enabled: true }, revocation: { enabled: true }, devInteractions: { enabled: true },
    encryption: { enabled: true }, requestObjects: { enabled: true },
    resourceIndicators: { enabled: true, getResourceServerInfo, useGrantedResource: () => true },
  },
  // As Keycloak has them.
  claims: { openid: ['sub', 'typ'] },
  findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub, typ: 'ID' }) }),
  extraTokenClaims: (_ctx, { accountId }) => ({
    typ: 'Bearer', ...(accountId && { preferred_username: accountId, realm_access: { roles: ['staff'] } }),
  }),
  rotateRefreshToken: false,
  cookies: { keys: [secret] },
});

function publish(wanted) {
  const keys = wanted.map((key) => (made[key.kid] ??= newKey(key)));
  const provider = new Provider(issuer, configuration(keys));
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route === 'token' && ctx.body?.refresh_token) ctx.body.refresh_token = offline(ctx.body.refresh_token);
  });
  callback = provider.callback();
}

// Keycloak's offline tokens are JWTs of its own: HS512 with a key of the realm's, of typ Offline.
const segment = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const mac = (text) => crypto.createHmac('sha512', `offline ${secret}`).update(text).digest('base64url');

function offline(token) {
  const text = `${segment({ alg: 'HS512', typ: 'JWT', kid: 'realm' })}.${segment({ iss: issuer, aud: issuer, typ: 'Offline', jti: token })}`;
  return `${text}.${mac(text)}`;
}

function inner(token) {
  const [header, payload, signature] = token.split('.');
  if (signature !== mac(`${header}.${payload}`)) return token;
  return JSON.parse(Buffer.from(payload, 'base64url')).jti;
}

// keycloak has a question as Keycloak reads it: offline tokens unwrapped, and where the form has a client_id it is
// that client who asks, whatever Authorization says.
async function keycloak(req) {
  const form = new URLSearchParams(await text(req));
  for (const name of ['token', 'refresh_token']) if (form.has(name)) form.set(name, inner(form.get(name)));
  if (form.has('client_id')) delete req.headers.authorization;
  req.body = form.toString();
}

async function text(req) {
  let all = '';
  for await (const chunk of req) all += chunk;
  return all;
}

const server = http.createServer(async (req, res) => {
  const { pathname } = new URL(req.url, issuer);
  if (pathname === '/test/keys') {
    publish(JSON.parse(await text(req)));
    res.end();
  } else if (pathname === '/test/counts') {
    res.end(JSON.stringify(counts));
  } else if (pathname.startsWith(`${realm}/`)) {
    counts[pathname.slice(realm.length)] = (counts[pathname.slice(realm.length)] ?? 0) + 1;
    req.originalUrl = req.url;
    req.url = req.url.slice(realm.length);
    if (req.method === 'POST' && /\/(token|introspect|revoke)$/.test(pathname)) await keycloak(req);
    callback(req, res);
  } else {
    res.writeHead(404).end();
  }
});

server.listen(Number(port), '127.0.0.1', () => console.log('listening'));
