package jwt_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/auth"
	"gatehouse/jwt"
)

// stamp is the name of the key that begins to sign at t.
func stamp(t time.Time) string { return t.UTC().Format("20060102T150405Z") + ".pem" }

// folderOf makes a folder with an Ed25519 key for each time, and returns their kids.
func folderOf(t *testing.T, times ...time.Time) (folder string, kids []string) {
	t.Helper()
	folder = t.TempDir()
	for _, from := range times {
		key, err := jwt.Generate("ed25519")
		if err != nil {
			t.Fatal(err)
		}
		if err := key.Write(filepath.Join(folder, stamp(from))); err != nil {
			t.Fatal(err)
		}
		kids = append(kids, key.ID)
	}
	return folder, kids
}

// kidsOf are the kids in a published set, in its order.
func kidsOf(t *testing.T, p jwt.Published) (kids []string) {
	t.Helper()
	set, err := jwt.ParseKeySet(p.KeySet)
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range set.Publics() {
		kid, err := jwt.Thumbprint(k)
		if err != nil {
			t.Fatal(err)
		}
		kids = append(kids, kid)
	}
	return kids
}

func TestAKeySignsInItsTime(t *testing.T) {
	c := keyedHour
	var kids []string
	c.KeysDir, kids = folderOf(t, second, second.Add(10*time.Hour))
	clock := second
	i := keyed(t, c, func() time.Time { return clock })
	for _, row := range []struct {
		says      string
		at        time.Duration
		signs     int
		published []int
		patience  time.Duration
	}{
		{"before all of them", -time.Hour, 0, []int{0, 1}, 10 * time.Second},
		{"from its second on", 0, 0, []int{0, 1}, 10 * time.Second},
		{"shortly before the next", 10*time.Hour - time.Second, 0, []int{0, 1}, time.Second},
		{"at the next one's time", 10 * time.Hour, 1, []int{0, 1}, 10 * time.Second},
		{"as long as the longest token, and the clocks' difference", 12*time.Hour - 1, 1, []int{0, 1}, 1},
		{"then it is gone", 12 * time.Hour, 1, []int{1}, 10 * time.Second},
		{"the clock is set back", 9 * time.Hour, 0, []int{0, 1}, 10 * time.Second},
		{"in a hundred years", 876000 * time.Hour, 1, []int{1}, 10 * time.Second},
	} {
		clock = second.Add(row.at)
		next, err := i.Current()
		if err != nil {
			t.Fatal(err)
		}
		if again, _ := next.Current(); again != next {
			t.Errorf("%s: another issuer for nothing", row.says)
		}
		var want []string
		for _, n := range row.published {
			want = append(want, kids[n])
		}
		if got := kidsOf(t, published(t, next)); next.KeyID() != kids[row.signs] || !slices.Equal(got, want) || next.Patience() != row.patience {
			t.Errorf("%s: %s signs, %s are published for %v; the keys are %s", row.says, next.KeyID(), got, next.Patience(), kids)
		}
		i = next
	}
}

func TestTheFirstOfAListSigns(t *testing.T) {
	c := keyedHour
	folder, kids := folderOf(t, second, second.Add(time.Hour))
	c.Keys = []jwt.KeyFile{{File: filepath.Join(folder, stamp(second.Add(time.Hour)))}, {File: filepath.Join(folder, stamp(second))}}
	i := keyed(t, c, at(second))
	if got := kidsOf(t, published(t, i)); i.KeyID() != kids[1] || !slices.Equal(got, []string{kids[1], kids[0]}) || i.Patience() >= 0 {
		t.Errorf("%s signs, %s are published for %v", i.KeyID(), got, i.Patience())
	}
	c.Keys[1] = c.Keys[0]
	if _, faults := readKeys(&c); len(faults) != 1 || !strings.Contains(faults[0].Message, "the key of an earlier one") {
		t.Error(faults)
	}
}

// Gateways that rotate at odd moments, look late and have clocks of their own: every token verifies by every set
// that a backend may have, until its end.
func TestARotationBreaksNoToken(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	c := keyedHour
	c.PublishBefore, c.KeysDir = 20*time.Minute, filepath.Join(t.TempDir(), "keys")
	if _, err := c.Rotate("", false, second); err != nil {
		t.Fatal(err)
	}
	type token struct {
		kid string
		end time.Time
	}
	var tokens []token
	made, refused, most := 0, 0, 0
	backend := map[string]bool{} // a set, fetched at most 10 minutes ago: maxAge
	for now := second; now.Before(second.Add(48 * time.Hour)); now = now.Add(5 * time.Minute) {
		if random.IntN(10) == 0 {
			if _, err := c.Rotate("", false, now); err == nil {
				made++
			} else if refused++; !strings.Contains(err.Error(), "is there already") {
				t.Fatal(err)
			}
		}
		for range 2 {
			clock := now.Add(time.Duration(random.IntN(240)-120) * time.Second)
			i := keyed(t, c, at(clock))
			if !backend[i.KeyID()] && len(backend) > 0 {
				t.Fatalf("at %v: %s signs, and a backend does not know it", now.Sub(second), i.KeyID())
			}
			tokens = append(tokens, token{i.KeyID(), clock.Add(time.Hour)})
			if now.Unix()%600 == 0 || len(backend) == 0 {
				clear(backend)
				for _, kid := range kidsOf(t, published(t, i)) {
					backend[kid] = true
				}
			}
		}
		most = max(most, len(backend))
		for _, one := range tokens {
			if now.Before(one.end) && !backend[one.kid] {
				t.Fatalf("at %v: a token until %v of %s is not verified any more", now.Sub(second), one.end.Sub(second), one.kid)
			}
		}
		tokens = slices.DeleteFunc(tokens, func(one token) bool { return !now.Before(one.end) })
	}
	if made < 10 || refused < 3 || most < 3 {
		t.Errorf("%d keys were made, %d times the next was there, at most %d published: that tests little", made, refused, most)
	}
	if files, err := os.ReadDir(c.KeysDir); err != nil || len(files) > 6 {
		t.Errorf("%d files are left: %v", len(files), err)
	}
}

func TestRotateKeepsTheKindAndHurries(t *testing.T) {
	c := keyedHour
	c.KeysDir = filepath.Join(t.TempDir(), "keys")
	first, err := c.Rotate("ec", false, second)
	if err != nil || first.Key.Kind() != "ec" || !first.From.Equal(second) {
		t.Fatalf("%+v, %v", first, err)
	}
	next, err := c.Rotate("", false, second.Add(time.Minute))
	if err != nil || next.Key.Kind() != "ec" || next.From.Before(second.Add(time.Minute+c.PublishBefore)) {
		t.Errorf("%+v, %v", next, err)
	}
	if done, err := c.Rotate("", false, second.Add(2*time.Minute)); err == nil {
		t.Errorf("a third is made: %+v", done)
	}
	now, err := c.Rotate("rsa", true, second.Add(3*time.Minute))
	if err != nil || now.Key.Kind() != "rsa" || !now.From.Equal(second.Add(3*time.Minute)) {
		t.Errorf("%+v, %v", now, err)
	}
	if got := keyed(t, c, at(second.Add(3*time.Minute))).KeyID(); got != now.Key.ID {
		t.Error("the key that is to sign at once does not")
	}
	if info, err := os.Stat(c.KeysDir); err != nil || info.Mode().Perm() != 0o700 {
		t.Error(info, err)
	}
}

func TestFoldersThatAreRefused(t *testing.T) {
	good, _ := folderOf(t, second)
	text, err := os.ReadFile(filepath.Join(good, stamp(second)))
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		files []string
		want  string
	}{
		"empty":               {nil, "holds no key: make one with: gatehouse key rotate"},
		"hidden files alone":  {[]string{".key.1"}, "holds no key"},
		"another name":        {[]string{"key.pem"}, "key.pem: the name is not the time from which a key signs"},
		"no ending":           {[]string{strings.TrimSuffix(stamp(second), ".pem")}, "the name is not the time"},
		"an editor's copy":    {[]string{stamp(second), stamp(second) + "~"}, "the name is not the time"},
		"no such day":         {[]string{"20260230T000000Z.pem"}, "the name is not the time"},
		"two of one time":     {[]string{"20260203T000000Z.jwk", "20260203T000000Z.pem"}, "another key begins to sign then"},
		"one key twice":       {[]string{"20260203T000000Z.pem", "20260204T000000Z.pem"}, "holds the key of an earlier one"},
		"more than any needs": {many(33), "holds 33 files, more than 32"},
	} {
		t.Run(name, func(t *testing.T) {
			c := keyedHour
			c.KeysDir = t.TempDir()
			for _, file := range row.files {
				keyFile(t, filepath.Join(c.KeysDir, file), text)
			}
			paths, faults := readKeys(&c)
			if len(faults) != 1 || faults[0].Path != "jwt.keys_dir" || !strings.Contains(faults[0].Message, row.want) || paths[0] != c.KeysDir {
				t.Errorf("%v, want %s; followed: %q", faults, row.want, paths)
			}
		})
	}
	c := keyedHour
	c.KeysDir = filepath.Join(good, "nowhere")
	if _, faults := readKeys(&c); len(faults) != 1 || !strings.HasSuffix(faults[0].Message, "no such file or directory: make it, and the first key, with: gatehouse key rotate") {
		t.Error(faults)
	}
}

func many(n int) (names []string) {
	for i := range n {
		names = append(names, stamp(second.Add(time.Duration(i)*time.Hour)))
	}
	return names
}

// Two users never have one sub, and where the realm has no hyphen it is auth-o-tron's.
func TestUnambiguousSubjects(t *testing.T) {
	c := hour
	c.Subject = jwt.Unambiguous
	i := newIssuer(t, c, false, secret, second)
	parts := []string{"a", "b", "-", "a-b", "a-", "-b", "%", "%2D", "a%2Db", "%25", "2D"}
	seen := map[string]string{}
	for _, realm := range parts {
		for _, name := range parts {
			claims, err := ownVerifier(t, func(v *jwt.VerifierConfig) { v.Audiences, v.InsecureAnyAudience = nil, true }).
				Verify(issue(t, i, auth.User{Realm: realm, Name: name}), second)
			if err != nil {
				t.Fatal(err)
			}
			who := fmt.Sprintf("%q of %q", name, realm)
			if other, ok := seen[claims.Subject]; ok {
				t.Errorf("%s and %s are both %s", who, other, claims.Subject)
			}
			seen[claims.Subject] = who
			if !strings.ContainsAny(realm, "-%") && claims.Subject != realm+"-"+name {
				t.Errorf("%s is %s", who, claims.Subject)
			}
		}
	}
}
