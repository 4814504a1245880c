package password

// An alphabet is one of the 64-letter alphabets that hashes are written in.
type alphabet struct {
	letters  string
	lowFirst bool      // a letter's low bits are the earlier ones, as in crypt(3)
	value    [256]int8 // -1: not a letter
}

var (
	crypt64  = newAlphabet("./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", true)
	bcrypt64 = newAlphabet("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", false)
	std64    = newAlphabet("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", false)
)

func newAlphabet(letters string, lowFirst bool) *alphabet {
	a := &alphabet{letters: letters, lowFirst: lowFirst}
	for i := range a.value {
		a.value[i] = -1
	}
	for i := range len(letters) {
		a.value[letters[i]] = int8(i)
	}
	return a
}

// all reports whether text has letters of a only.
func (a *alphabet) all(text string) bool {
	for i := range len(text) {
		if a.value[text[i]] < 0 {
			return false
		}
	}
	return true
}

// whole reports whether text encodes whole bytes: letters of a only, and no spare bit is set in the
// last one. A text that is not whole was cut, damaged or made by hand.
func (a *alphabet) whole(text string) bool {
	spare := len(text) * 6 % 8
	if spare == 6 || !a.all(text) {
		return false
	}
	if spare == 0 {
		return true
	}
	last := a.value[text[len(text)-1]]
	if a.lowFirst {
		return last>>(6-spare) == 0
	}
	return last&(1<<spare-1) == 0
}
