package contract_test

import (
	"testing"
	"time"
)

// remoteRows are what section 2.5 says of calls, and of the services of API keys.
var remoteRows = []row{
	{"2.5 All reqwest", "calls have a User-Agent and say that they want JSON", "M66", bykey("agent", "ecmwf", 200, `{"uid":"kate"}`, func(t *testing.T, c call) {
		if c.header.Get("User-Agent") != "gatehouse" || c.header.Get("Accept") != "application/json" {
			t.Errorf("headers %v", c.header)
		}
	}).lets("kate")},
	{"2.5 All reqwest", "no redirect is followed", "M20", all(bykey("moved", "ecmwf", 302, "/elsewhere", nil).is(503), func(t *testing.T, s *site) {
		if asked := s.services.calls("/elsewhere"); len(asked) != 0 {
			t.Errorf("asked elsewhere: %v", asked)
		}
	})},
	{"2.5 All reqwest", "the proxy variables are not read", "M31", heldBy("provider", "TestTheProxyOfTheEnvironmentIsNotAsked")},
	{"2.5 All reqwest", "the deadline of a question cuts its call", same, heldBy("e2e/faults", "TestNoFaultOfAServiceLetsAnybodyIn")},

	{"2.5 ecmwf-api |", "ecmwf-api is GET {uri}/who-am-i?token={token}, without a body", same, bykey("plain", "ecmwf", 200, `{"uid":"kate"}`, func(t *testing.T, c call) {
		if c.method != "GET" || c.target != "/ecmwf/who-am-i?token=plain" || c.body != "" || c.header.Get("Authorization") != "" {
			t.Errorf("asked %+v", c)
		}
	}).lets("kate")},
	{"2.5 ecmwf-api |", "a key is encoded as a parameter", "M18", func(t *testing.T, s *site) {
		s.services.say("GET /ecmwf/who-am-i?token=a%2Bb%2Fc%3D", 200, `{"uid":"kate"}`)
		ask(get, "Authorization: Bearer a+b/c=", "X-Auth-Realm: ecmwf").lets("kate", "ecmwf")(t, s)
	}},
	{
		"2.5 ecmwf-api |", "uid is the user, email the attribute ecmwf-email, and there are no roles", same,
		bykey("full", "ecmwf", 200, `{"uid":"kate","email":"k@example.org","roles":["x"]}`, nil).is(200, `{"version":1,"username":"kate","realm":"ecmwf","roles":[],"attributes":{"ecmwf-email":"k@example.org"},"scopes":{}}`),
	},
	{"2.5 ecmwf-api |", "an answer without email has no attribute", same, bykey("nomail", "ecmwf", 200, `{"uid":"kate"}`, nil).is(200, `{"version":1,"username":"kate","realm":"ecmwf","roles":[],"attributes":{},"scopes":{}}`)},
	{"2.5 ecmwf-api |", "an answer without a uid of text names nobody", "M15", all(bykey("nouid", "ecmwf", 200, `{"email":"k"}`, nil).is(403), bykey("number", "ecmwf", 200, `{"uid":7}`, nil).is(403))},
	{"2.5 ecmwf-api |", "403 is a wrong key", same, bykey("wrong", "ecmwf", 403, "", nil).is(401, unauthorized)},
	{"2.5 ecmwf-api |", "401 is a wrong key too, and all but 200 an outage", "M20", all(
		bykey("e401", "ecmwf", 401, "", nil).is(401), bykey("e201", "ecmwf", 201, `{"uid":"kate"}`, nil).is(503), bykey("e404", "ecmwf", 404, "", nil).is(503))},
	{"2.5 ecmwf-api |", "an answer that is no JSON, or names the user twice, is no decision", "M73", all(
		bykey("nojson", "ecmwf", 200, "kate", nil).is(503), bykey("twice", "ecmwf", 200, `{"uid":"kate","uid":"root"}`, nil).is(503))},
	{"2.5 ecmwf-api |", "a yes is remembered, and the service asked once", same, bykey("again", "ecmwf", 200, `{"uid":"kate"}`, nil).asked(1, 200)},
	{"2.5 ecmwf-api |", "that is for a minute", same, heldBy("provider", "TestHowLongAYesIsRemembered")},
	{"2.5 ecmwf-api |", "a no is remembered for a moment, an outage is not", "M16", all(
		bykey("no", "ecmwf", 403, "", nil).asked(1, 401), bykey("out", "ecmwf", 500, "", nil).asked(2, 503))},

	{"2.5 efas-api |", "efas-api is GET {uri}?token={token}, without a body", same, bykey("plain", "floods", 200, `{"username":"kate","roles":[]}`, func(t *testing.T, c call) {
		if c.method != "GET" || c.target != "/efas?token=plain" || c.body != "" || c.header.Get("Authorization") != "" {
			t.Errorf("asked %+v", c)
		}
	}).lets("kate")},
	{"2.5 efas-api |", "username is the user, roles the roles, email the attribute email", same, bykey("full", "floods", 200, `{"username":"kate","roles":["b","a"],"email":"k@example.org"}`, nil).is(200,
		`{"version":1,"username":"kate","realm":"floods","roles":["b","a"],"attributes":{"email":"k@example.org"},"scopes":{}}`)},
	{"2.5 efas-api |", "an answer without a username lets nobody in", "M15", bykey("noname", "floods", 200, `{"roles":[]}`, nil).is(403)},
	{"2.5 efas-api |", "403 is a wrong key there too", same, bykey("wrong", "floods", 403, "", nil).is(401, unauthorized)},
	{"2.5 efas-api |", "what is neither is an outage", "M13", bykey("e500", "floods", 500, "", nil).is(503)},
	{"2.5 efas-api |", "X-Auth-Realm asks for the realm of config.yaml", "M19", func(t *testing.T, s *site) {
		s.services.say("GET /efas?token=realm", 200, `{"username":"kate","roles":[]}`)
		ask(get, "Authorization: Bearer realm", "X-Auth-Realm: efas").gets(401, unauthorized)(t, s)
		ask(get, "Authorization: Bearer realm", "X-Auth-Realm: floods").lets("kate", "floods")(t, s)
	}},
	{"2.5 efas-api |", "a yes of efas-api is remembered too", same, bykey("again", "floods", 200, `{"username":"kate","roles":[]}`, nil).asked(1, 200)},
	{"2.5 Mongo", "there is no database", "M47", ask("GET /tokens", alice).gets(404, "")},
	{"2.5 unique indexes", "none has an index", "M47", ask("GET /token", alice).gets(404, "")},
	{"2.5 app name", "none is told of an application", "M47", ask("DELETE /token/x", alice).gets(404, "")},
}

// A keyed is a key that a service answers, and what is wanted of its question.
type keyed struct {
	token, realm string
	status       int
	body         string
	looks        func(*testing.T, call)
}

// bykey has ecmwf or floods answer a key.
func bykey(token, realm string, status int, body string, looks func(*testing.T, call)) keyed {
	return keyed{token, realm, status, body, looks}
}

func (k keyed) path() string {
	if k.realm == "ecmwf" {
		return "/ecmwf/who-am-i?token=" + k.token
	}
	return "/efas?token=" + k.token
}

// lets wants the key to let a user in.
func (k keyed) lets(user string) check {
	return k.asks(ask(get, "Authorization: Bearer "+k.token, "X-Auth-Realm: "+k.realm).lets(user, k.realm))
}

// is wants a status of /whoami, and perhaps its body.
func (k keyed) is(status int, body ...string) check {
	return k.asks(ask("GET /whoami", "Authorization: Bearer "+k.token, "X-Auth-Realm: "+k.realm).gets(status, append(body, anything)[0]))
}

func (k keyed) asks(holds check) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		s.services.say("GET "+k.path(), k.status, k.body)
		s.services.calls(k.path())
		holds(t, s)
		asked := s.services.calls(k.path())
		if len(asked) != 1 {
			t.Fatalf("the service was asked %d times: %v", len(asked), asked)
		}
		if k.looks != nil {
			k.looks(t, asked[0])
		}
	}
}

// asked puts the key twice, and wants a status both times, and the service to be asked so often.
func (k keyed) asked(times, status int) check {
	return func(t *testing.T, s *site) {
		t.Helper()
		s.services.say("GET "+k.path(), k.status, k.body)
		for range 2 {
			time.Sleep(20 * time.Millisecond) // longer than anything that is not remembered
			ask(get, "Authorization: Bearer "+k.token, "X-Auth-Realm: "+k.realm).gets(status, anything)(t, s)
		}
		if asked := s.services.calls(k.path()); len(asked) != times {
			t.Errorf("the service was asked %d times, want %d", len(asked), times)
		}
	}
}
