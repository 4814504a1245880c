package provider

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// attributeNames are the short names of RFC 4514, section 3, and the one more that OpenSSL writes and that is common.
var attributeNames = map[string]string{
	"2.5.4.3": "CN", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "street", "2.5.4.10": "O", "2.5.4.11": "OU",
	"0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC", "1.2.840.113549.1.9.1": "emailAddress",
}

// distinguishedName is the text of a name in DER (RFC 4514), as nginx shows it in $ssl_client_s_dn but for letters
// beyond ASCII, which are not escaped. There is none where the name is empty. Two different names have different texts.
func distinguishedName(der []byte) ([]string, error) {
	var name pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &name); err != nil || len(rest) > 0 {
		return nil, errors.New("has a subject that cannot be read")
	}
	if len(name) == 0 {
		return nil, nil
	}
	var b strings.Builder
	for i, several := range slices.Backward(name) {
		for j, attribute := range slices.Backward(several) {
			switch {
			case j < len(several)-1:
				b.WriteByte('+')
			case i < len(name)-1:
				b.WriteByte(',')
			}
			if err := writeAttribute(&b, attribute); err != nil {
				return nil, err
			}
		}
	}
	return []string{b.String()}, nil
}

func writeAttribute(b *strings.Builder, a pkix.AttributeTypeAndValue) error {
	value, ok := a.Value.(string)
	if !ok {
		return fmt.Errorf("has a subject with a %s that is no text", a.Type)
	}
	if short, ok := attributeNames[a.Type.String()]; ok {
		b.WriteString(short + "=" + escaped(value))
		return nil
	}
	der, err := asn1.Marshal(value)
	if err != nil {
		return fmt.Errorf("has a subject with a %s that is no text: %w", a.Type, err)
	}
	b.WriteString(a.Type.String() + "=#" + hex.EncodeToString(der))
	return nil
}

// escaped is a value as RFC 4514, section 2.4 writes it. Control characters stay: no user's name may have one.
func escaped(value string) string {
	var b strings.Builder
	for i := range len(value) {
		c := value[i]
		first, last := i == 0, i == len(value)-1
		if strings.IndexByte(`"+,;<>\`, c) >= 0 || c == ' ' && (first || last) || c == '#' && first {
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}
