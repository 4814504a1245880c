package provider

import (
	"net/http"
	"testing"

	"gatehouse/auth"
)

// A service is told of the trace, if there is one, with our span as the parent; and of no other one.
func TestATraceIsPassedOn(t *testing.T) {
	in, ok := auth.ParseTrace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	if !ok {
		t.Fatal("it is none")
	}
	_, span := in.IDs()
	for want, trace := range map[string]auth.Trace{
		"": {},
		"00-0af7651916cd43dd8448eb211c80319c-" + span + "-01": in,
	} {
		var told []string
		env := newWorld(t).Env
		env.HTTP = roundTrip(func(r *http.Request) (*http.Response, error) {
			told = r.Header.Values("traceparent")
			if r.Header.Get("tracestate") != "" {
				t.Error("there is a tracestate")
			}
			return response(200, `{"uid":"kate"}`), nil
		})
		ecmwf := newECMWF()
		ecmwf.URI = "https://keys.example.org"
		ctx := auth.WithClient(t.Context(), auth.Client{Trace: trace})
		a, err := ecmwf.Open(ctx, env)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := a.Authenticate(ctx, bearer("key")); err != nil {
			t.Fatal(err)
		}
		if want == "" && len(told) != 0 || want != "" && (len(told) != 1 || told[0] != want) {
			t.Errorf("told %q, want %q", told, want)
		}
	}
}
