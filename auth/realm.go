package auth

// SameRealm reports whether a names the realm b. ASCII letters are folded, and nothing else: Unicode
// folding would make two realms of one (U+212A is not k). A name with other than ASCII names no realm
// that a request can ask for.
func SameRealm(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] >= 0x80 || lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(b byte) byte {
	if 'A' <= b && b <= 'Z' {
		return b + 'a' - 'A'
	}
	return b
}
