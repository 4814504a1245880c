package password

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// knownAnswer is one case of libxcrypt's; encoding/json reads the base64 of Password.
type knownAnswer struct {
	Hash     string `json:"hash"`
	Password []byte `json:"pw"`
}

// quirks are the 2a hashes of passwords with a byte 0xff that libxcrypt makes otherwise than bcrypt
// does, on purpose. Nobody else agrees with them.
var quirks = map[string]bool{
	"$2a$05$CCCCCCCCCCCCCCCCCCCCC.euRNRfAA6e0fjpTfQPPAMU1PCOf9IHq": true,
	"$2a$05$abcdefghijklmnopqrstuu5jlqAXzFdq.3//pJFBa432Pepsclbdu": true,
	"$2a$04$CCCCCCCCCCCCCCCCCCCCC.h87NWu/js59XXaIj1hDyHxnjw7MJ5K6": true,
	"$2a$04$abcdefghijklmnopqrstuuZQhQBRpiYJCaQFgyHlB.t/F01cqLCIu": true,
	"$2a$05$CCCCCCCCCCCCCCCCCCCCC.vrukkCtLqHBLoBDsz6QoBtSwzI9Qxiq": true,
	"$2a$05$abcdefghijklmnopqrstuu7N5c8AaH.dbqz7.2o.V2mRkUDV0TZnO": true,
	"$2a$04$CCCCCCCCCCCCCCCCCCCCC.D8jTC5oJeIumVOhMVpz79BzoGVhCjrW": true,
	"$2a$04$abcdefghijklmnopqrstuuE8Lpo1/qkGPTBDBxEsJjeEzh9nkZ9uW": true,
}

// supported are the families of which every case must be read; all others must be refused.
var supported = []string{"$2a$", "$2b$", "$2y$", "$5$", "$6$", "$y$", "$1$"}

func TestKnownAnswers(t *testing.T) {
	folder := os.Getenv("GATEHOUSE_CORPORA")
	if folder == "" {
		t.Log("GATEHOUSE_CORPORA is not set: only the samples of this tree are tried")
		for _, s := range samples {
			checkKnownAnswer(t, knownAnswer{s.hash, []byte(samplePassword)}, true)
		}
		return
	}
	families := make(map[string][]knownAnswer)
	for _, a := range readKnownAnswers(t, folder) {
		family := familyOf(a.Hash)
		families[family] = append(families[family], a)
	}
	for _, family := range supported {
		if len(families[family]) == 0 {
			t.Errorf("no case of %s", family)
		}
	}
	for family, answers := range families {
		t.Run("family "+strings.Trim(family, "$"), func(t *testing.T) {
			t.Parallel()
			checkFamily(t, family, answers)
		})
	}
}

func readKnownAnswers(t *testing.T, folder string) []knownAnswer {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "libxcrypt_known_answers.json"))
	if err != nil {
		t.Fatal(err)
	}
	var answers []knownAnswer
	if err := json.Unmarshal(text, &answers); err != nil {
		t.Fatal(err)
	}
	return answers
}

func familyOf(hash string) string {
	for _, family := range supported {
		if strings.HasPrefix(hash, family) {
			return family
		}
	}
	return "unsupported"
}

func checkFamily(t *testing.T, family string, answers []knownAnswer) {
	if family == "unsupported" {
		for _, a := range answers {
			if _, err := Parse(a.Hash, true); err == nil {
				t.Errorf("read %s", a.Hash)
			}
		}
		return
	}
	step := 1
	if testing.Short() {
		step = 16
		t.Logf("-short: one in %d of %d cases", step, len(answers))
	}
	if underRace {
		t.Log("under the race detector: wrong passwords for one case in 8 only")
	}
	for i := 0; i < len(answers); i += step {
		checkKnownAnswer(t, answers[i], !underRace || i%8 == 0)
	}
}

// checkKnownAnswer tries the right password and, if wrongToo, near misses. The password is right unless
// it is empty or too long, which gatehouse refuses.
func checkKnownAnswer(t *testing.T, a knownAnswer, wrongToo bool) {
	t.Helper()
	h, err := Parse(a.Hash, true)
	if err != nil {
		t.Errorf("%s: %v", a.Hash, err)
		return
	}
	secret := string(a.Password)
	want := secret != "" && len(secret) <= h.format.longest && !quirks[a.Hash]
	if got := h.Verify(secret); got != want {
		t.Errorf("%s: %q: got %t, want %t", a.Hash, secret, got, want)
	}
	if !wrongToo || len(secret) > h.format.longest {
		return // bcrypt knows such a password by its beginning, which is a near miss
	}
	for _, wrong := range nearMisses(secret) {
		if h.Verify(wrong) {
			t.Errorf("%s: accepts %q", a.Hash, wrong)
		}
	}
}
