package provider

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/conf"
	"gatehouse/e2e/pki"
)

func TestWhatAFileOfAuthoritiesMayHold(t *testing.T) {
	one, two := pki.New(t, "one").PEM(), pki.New(t, "two").PEM()
	for name, row := range map[string]struct {
		text string
		want string // a part of the fault; "" is a good file
	}{
		"one":                             {one, ""},
		"two, with words between":         {"# of 2026\n" + one + "subject=CN=two\r\n" + two + "\n", ""},
		"the same twice":                  {one + one, ""},
		"no end of the last line":         {strings.TrimSuffix(one, "\n"), ""},
		"line ends of Windows":            {strings.ReplaceAll(one+two, "\n", "\r\n"), ""},
		"nothing":                         {"", "holds no certificate in PEM"},
		"words":                           {"clients\n", "holds no certificate in PEM"},
		"one that stops in the middle":    {one + two[:200], ":10: is no whole block of PEM"},
		"one whose end is missing":        {strings.Replace(one, "-----END", "-----", 1) + two, ":1: is no whole block of PEM"},
		"one with a line that is no PEM":  {one + strings.Replace(two, "\nMI", "\n*\nMI", 1) + one, ":10: is no whole block of PEM"},
		"a key":                           {one + strings.ReplaceAll(two, "CERTIFICATE", "EC PRIVATE KEY"), `:10: is a "EC PRIVATE KEY"`},
		"one with OpenSSL's trust":        {strings.ReplaceAll(one, "CERTIFICATE", "TRUSTED CERTIFICATE"), `:1: is a "TRUSTED CERTIFICATE"`},
		"one with headers":                {strings.Replace(one, "-----\n", "-----\nA: b\n\n", 1), "with 1 headers"},
		"another thing as a certificate":  {one + pki.PEM([]byte{0x30, 3, 2, 1, 1}), ":10: x509: "},
		"a certificate with a byte to it": {pki.PEM(append(pki.New(t, "x").Client(t, "y").Certificate[0], 0)), ":1: x509: "},
	} {
		t.Run(name, func(t *testing.T) {
			lines := strings.Count(one, "\n")
			want := strings.ReplaceAll(row.want, ":10:", ":"+strconv.Itoa(lines+1)+":")
			file := filepath.Join(t.TempDir(), "ca.pem")
			writeFile(t, file, row.text)
			faults := said(conf.Collect((&MTLS{CAFile: file, Username: "cn"}).Check))
			if (len(faults) == 0) != (want == "") || len(faults) > 1 || len(faults) == 1 && !strings.Contains(faults[0], want) {
				t.Errorf("got %q, want %q", faults, want)
			}
			if _, err := (&MTLS{CAFile: file, Username: "cn"}).Open(t.Context(), newWorld(t).Env); (err == nil) != (want == "") {
				t.Errorf("opened: %v", err)
			}
		})
	}
}

// A writer of a pipe, or a device's end, may never come.
func TestAuthoritiesAreReadFromARegularFile(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "ca.pem")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, os.DevNull, filepath.Dir(pipe)} {
		done := make(chan []string, 1)
		go func() { done <- said(conf.Collect((&MTLS{CAFile: path, Username: "cn"}).Check)) }()
		select {
		case faults := <-done:
			if len(faults) != 1 || !strings.Contains(faults[0], "is no regular file") {
				t.Errorf("%s: got %q", path, faults)
			}
		case <-time.After(3 * time.Second):
			t.Errorf("%s: it waits", path)
			if f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
				_ = f.Close()
			}
		}
	}
}

// Such certificates stop nobody: check lists them, and the log does.
func TestCertificatesThatAreHardlyMeantAsAuthorities(t *testing.T) {
	ca, now := pki.New(t, "clients"), time.Now()
	ends := func(begin, end time.Duration) string {
		return pki.PEM(ca.Issue(t, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = now.Add(begin), now.Add(end)
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		}).Certificate[0])
	}
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "ca.pem")
	m := &MTLS{CAFile: file, Username: "cn"}
	for text, want := range map[string]string{
		ca.PEM():                                  "",
		ends(-2*time.Hour, -time.Hour):            "has expired on",
		ends(time.Hour, 2*time.Hour):              "is not good before",
		pki.PEM(ca.Client(t, "a").Certificate[0]): "is no authority's certificate",
	} {
		writeFile(t, file, ca.PEM()+text)
		if faults := conf.Collect(m.Check); len(faults) > 0 {
			t.Errorf("%s: it is a fault: %q", want, faults)
		}
		at := file + ":" + strconv.Itoa(strings.Count(ca.PEM(), "\n")+1) + ": "
		warnings := said(conf.Collect(m.Inspect))
		if (len(warnings) == 1) != (want != "") || len(warnings) == 1 && !strings.HasPrefix(warnings[0], "warning: ca_file: "+at+want) {
			t.Errorf("got %q, want %q", warnings, want)
		}
		open(t, t.Context(), m, w.Env)
		if !strings.Contains(w.log.String(), at+want) && want != "" {
			t.Errorf("%s: the log says %s", want, w.log)
		}
	}
	if faults := conf.Collect((&MTLS{CAFile: "/nowhere"}).Inspect); len(faults) > 0 {
		t.Errorf("Check has said so: %v", faults)
	}
}

// What is read is what package x509 would read, unless it would leave something out.
func FuzzParseAuthorities(f *testing.F) {
	one, two := pki.New(f, "one").PEM(), pki.New(f, "two").PEM()
	for _, text := range []string{"", one, one + two, one[:100], one + "-----BEGIN X-----\n", "x-----BEGIN ", "\n-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAuthorities(text, "ca.pem")
		if (a == nil) != (err != nil) {
			t.Fatalf("%v, %v", a, err)
		}
		if a == nil {
			return
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM([]byte(text)) || !pool.Equal(a.pool) {
			t.Fatal("package x509 reads another pool")
		}
	})
}
