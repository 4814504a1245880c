package password

import (
	"slices"
	"strings"
	"testing"
)

func TestMakeMakesWhatParseReads(t *testing.T) {
	want := map[string]string{
		"bcrypt":   "bcrypt cost 12",
		"argon2id": "argon2id m=19456 t=2 p=1",
		"sha512":   "sha512-crypt rounds 100000",
	}
	if !slices.Equal(Kinds(), []string{"bcrypt", "argon2id", "sha512"}) {
		t.Errorf("kinds are %v", Kinds())
	}
	for _, kind := range Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			text, err := Make(kind, "пароль 1")
			if err != nil {
				t.Fatal(err)
			}
			h, err := Parse(text, false)
			if err != nil || h.Params() != want[kind] {
				t.Fatalf("made %s, %v", h.Params(), err)
			}
			if !h.Verify("пароль 1") || h.Verify("пароль 2") {
				t.Error("the hash is not of the password")
			}
		})
	}
}

func TestMakeRefuses(t *testing.T) {
	for _, c := range []struct{ name, kind, secret, want string }{
		{"an empty password", "bcrypt", "", "bcrypt: the password is empty"},
		{"a password with a line break", "argon2id", "pass\nword", "has a control character"},
		{"a password with a NUL", "sha512", "pass\x00word", "has a control character"},
		{"a password with a delete", "sha512", "pass\x7fword", "has a control character"},
		{"a password that is not UTF-8", "sha512", "pass\xffword", "is not valid UTF-8"},
		{"73 bytes for bcrypt", "bcrypt", strings.Repeat("x", 73), "is longer than 72 bytes"},
		{"1,025 bytes for argon2id", "argon2id", strings.Repeat("x", 1025), "is longer than 1024 bytes"},
		{"1,025 bytes for sha512", "sha512", strings.Repeat("x", 1025), "is longer than 1024 bytes"},
		{"a kind that is not made", "md5", "open sesame", `unknown kind of hash "md5"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			hash, err := Make(c.kind, c.secret)
			if hash != "" || err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %q, %v", hash, err)
			}
			if c.secret != "" && strings.Contains(err.Error(), c.secret) {
				t.Errorf("error shows the password: %v", err)
			}
		})
	}
}
