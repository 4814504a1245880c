package server

import (
	"html/template"
	"slices"
	"strings"

	"gatehouse/auth"
	"gatehouse/gate"
)

// A login is how a user presents a form of credential. What stands in <var> is the user's own.
type login struct {
	Form   auth.Form
	Words  string
	Curl   template.HTML
	Python template.HTML
	EcFlow template.HTML // in .ecflowapirc; "" where ecFlow's client has no way
}

// logins are the forms that providers may take, in the order of the homepage. A new form: one line here.
var logins = []login{
	{auth.Password, "User name and password", `<span>-u <var>NAME</var></span>`, `auth=("<var>NAME</var>", "<var>PASSWORD</var>")`, `"type": "basic",
    "api": { "username": "<var>NAME</var>", "password": "<var>PASSWORD</var>" }`},
	{auth.Opaque, "API key or token", `<span>-H 'Authorization: Bearer <var>KEY</var>'</span>`, `headers={"Authorization": "Bearer <var>KEY</var>"}`, `"type": "bearer",
    "api": { "key": "<var>KEY</var>", "email": "", "url": "" }`},
	{auth.JWT, "Signed token (JWT)", `<span>-H 'Authorization: Bearer <var>TOKEN</var>'</span>`, `headers={"Authorization": "Bearer <var>TOKEN</var>"}`, ""},
	{auth.Certificate, "Certificate of your own", `<span>--cert <var>CERTIFICATE</var></span> <span>--key <var>KEY</var></span>`, `cert=("<var>CERTIFICATE</var>", "<var>KEY</var>")`, ""},
}

// A realm is one that users can log in to, and how.
type realm struct {
	Name string
	Ways []way
}

// A way is a login that a realm takes.
type way struct {
	login
	Providers []string
	Header    string // for a shell: the one that asks for the realm alone; "" where none does, or none is needed
}

// realmsOf returns what sources take, in their order. Realms that no request can tell apart are one.
func realmsOf(sources []gate.Source) (list []realm) {
	for _, s := range sources {
		i := slices.IndexFunc(list, func(r realm) bool { return r.Name == s.Realm || auth.SameRealm(r.Name, s.Realm) })
		if i < 0 {
			i, list = len(list), append(list, realm{Name: s.Realm})
		}
		list[i].add(s)
	}
	if len(list) > 1 {
		for _, r := range list {
			for i := range r.Ways {
				r.Ways[i].Header = realmHeader(r.Name)
			}
		}
	}
	return list
}

func (r *realm) add(s gate.Source) {
	for _, l := range logins {
		if !slices.Contains(s.Forms, l.Form) {
			continue
		}
		i := slices.IndexFunc(r.Ways, func(w way) bool { return w.Form == l.Form })
		if i < 0 {
			i, r.Ways = len(r.Ways), append(r.Ways, way{login: l})
		}
		r.Ways[i].Providers = append(r.Ways[i].Providers, s.Name)
	}
}

// realmHeader is one word of a shell's, whatever the realm is called, or "" where no request can ask for it by name.
func realmHeader(name string) string {
	if !auth.SameRealm(name, name) {
		return ""
	}
	return `'` + headerRealm + `: ` + strings.ReplaceAll(name, `'`, `'\''`) + `'`
}

// takenBy returns those logins that some realm takes.
func takenBy(realms []realm) (list []login) {
	for _, l := range logins {
		if slices.ContainsFunc(realms, func(r realm) bool {
			return slices.ContainsFunc(r.Ways, func(w way) bool { return w.Form == l.Form })
		}) {
			list = append(list, l)
		}
	}
	return list
}
