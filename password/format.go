package password

import (
	"github.com/go-crypt/crypt/algorithm/argon2"
	"github.com/go-crypt/crypt/algorithm/scrypt"
	"github.com/go-crypt/crypt/algorithm/shacrypt"
)

// A cost is what makes one hash of a format dearer than another, in the format's own terms.
type cost struct {
	size   uint32 // bcrypt 2^cost, sha-crypt rounds, argon2id KiB, yescrypt N
	passes uint8  // argon2id t, yescrypt r
	lanes  uint8  // argon2id p
}

// work orders the costs of one format; it says nothing across formats.
func (c cost) work() uint64 { return uint64(c.size) * uint64(c.passes) }

// A format is one way of storing a password.
type format struct {
	name     string
	prefixes []string
	weak     bool
	longest  int // bytes of a password
	letters  *alphabet
	// read checks all that follows the prefix, so that match cannot fail for syntax. It returns the
	// cost and where in rest the salt begins.
	read   func(rest string) (cost, int, error)
	params func(cost) string
	match  func(text, secret string) bool
}

// formats lists every format that gatehouse reads. There is no other way in.
var formats = []format{
	{"bcrypt", []string{"$2y$", "$2b$", "$2a$"}, false, maxBcrypt, bcrypt64, readBcrypt, bcryptParams, matchBcrypt},
	{"apr1", []string{apr1Magic}, false, MaxSecret, crypt64, readMD5, noParams, matchMD5(apr1Magic)},
	{"sha256-crypt", []string{"$5$"}, false, MaxSecret, crypt64, readSHA(43), shaParams, matchBy(shacrypt.DecodeVariant(shacrypt.VariantSHA256))},
	{"sha512-crypt", []string{"$6$"}, false, MaxSecret, crypt64, readSHA(86), shaParams, matchBy(shacrypt.DecodeVariant(shacrypt.VariantSHA512))},
	{"yescrypt", []string{"$y$"}, false, MaxSecret, crypt64, readYescrypt, yescryptParams, matchBy(scrypt.DecodeVariant(scrypt.VariantYescrypt))},
	{"argon2id", []string{"$argon2id$"}, false, MaxSecret, std64, readArgon2id, argon2idParams, matchBy(argon2.DecodeVariant(argon2.VariantID))},
	{"md5-crypt", []string{md5Magic}, true, MaxSecret, crypt64, readMD5, noParams, matchMD5(md5Magic)},
	{"unsalted sha1", []string{shaPrefix}, true, MaxSecret, std64, readSHA1, noParams, matchSHA1},
	{"salted sha1", []string{sshaPrefix}, true, MaxSecret, std64, readSaltedSHA1, noParams, matchSaltedSHA1},
	{"plain text", []string{plainPrefix}, true, MaxSecret, std64, readPlain, noParams, matchPlain},
}

// unsupported names the families that are told apart in an error. All others are refused too.
var unsupported = []struct{ prefix, name string }{
	{"$2x$", "bcrypt of the faulty variant 2x"},
	{"$2$", "bcrypt of the first variant"},
	{"$3$", "NT hash"},
	{"$7$", "scrypt"},
	{"$scrypt$", "scrypt"},
	{"$gy$", "gost-yescrypt"},
	{"$sm3", "sm3-crypt"},
	{"$sha1$", "sha1-crypt"},
	{"$md5", "SunMD5"},
	{"$argon2i$", "argon2i"},
	{"$argon2d$", "argon2d"},
	{"$pbkdf2", "pbkdf2"},
	{"$plaintext$", "plain text of go-crypt"},
	{"{CRYPT}", "LDAP crypt"},
	{"{SMD5}", "LDAP salted MD5"},
	{"{MD5}", "LDAP MD5"},
	{"{SSHA", "LDAP salted SHA-2"},
	{"{SHA", "LDAP SHA-2"},
	{"_", "extended DES"},
}

func noParams(cost) string { return "" }
