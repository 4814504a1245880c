// Command api is a small site behind gatehouse. It takes the user from the token that gatehouse signed and
// from nothing else, so whoever reaches it past nginx is nobody.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
)

// A user is what the token says, and what the site answers.
type user struct {
	Username string   `json:"username"`
	Realm    string   `json:"realm"`
	Roles    []string `json:"roles"`
}

type claims struct {
	user
	jwt.RegisteredClaims
}

// An api answers with the user of each request.
type api struct {
	key    jwt.Keyfunc // by what the signature is checked
	parser *jwt.Parser
}

func main() {
	log.SetFlags(0)
	stop, restore := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer restore()
	if err := serve(stop); err != nil {
		log.Fatalln("api:", err)
	}
}

// serve answers until stop ends.
func serve(stop context.Context) error {
	a, err := newAPI(stop, os.Getenv("JWT_KEYS_URL"), os.Getenv("JWT_SECRET_FILE"), os.Getenv("JWT_ISSUER"), os.Getenv("JWT_AUDIENCE"))
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", cmp.Or(os.Getenv("LISTEN"), "127.0.0.1:8081"))
	if err != nil {
		return fmt.Errorf("LISTEN: %w", err)
	}
	log.Println("listening on", listener.Addr())
	server := &http.Server{Handler: a, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	context.AfterFunc(stop, func() {
		patience, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(patience)
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// newAPI checks tokens by the public keys at keysURL, or by the secret that gatehouse signs with, or without both by
// the keys that issuer's own URL leads to. Without issuer or audience any will do. The keys are asked for again every hour until ctx ends, and for one that is not known.
func newAPI(ctx context.Context, keysURL, secretFile, issuer, audience string) (*api, error) {
	methods := []string{"EdDSA", "ES256", "RS256"} // those of gatehouse's keys: each key has one of them
	key := jwt.Keyfunc(nil)
	if keysURL == "" && secretFile == "" && (strings.HasPrefix(issuer, "https://") || strings.HasPrefix(issuer, "http://")) {
		var err error
		if keysURL, err = discover(ctx, issuer); err != nil {
			return nil, fmt.Errorf("JWT_ISSUER: %w", err)
		}
	}
	if keysURL != "" {
		keys, err := keyfunc.NewDefaultCtx(ctx, []string{keysURL})
		if err != nil {
			return nil, fmt.Errorf("JWT_KEYS_URL: %w", err)
		}
		key = keys.Keyfunc
	} else {
		secret, err := readSecret(secretFile)
		if err != nil {
			return nil, err
		}
		methods, key = []string{"HS256"}, func(*jwt.Token) (any, error) { return secret, nil }
	}
	rules := []jwt.ParserOption{
		jwt.WithValidMethods(methods), // never what the token itself says of its signature
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(5 * time.Second), // between two machines' clocks
	}
	if issuer != "" {
		rules = append(rules, jwt.WithIssuer(issuer))
	}
	if audience != "" {
		rules = append(rules, jwt.WithAudience(audience))
	}
	return &api{key: key, parser: jwt.NewParser(rules...)}, nil
}

// discover returns where the keys of an issuer are (OpenID Connect Discovery 1.0, section 4).
func discover(ctx context.Context, issuer string) (keysURL string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var found struct {
		Issuer  string `json:"issuer"`
		KeysURL string `json:"jwks_uri"`
	}
	if err := json.NewDecoder(response.Body).Decode(&found); err != nil || response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s does not say where its keys are: %s", issuer, response.Status)
	}
	if found.Issuer != issuer {
		return "", fmt.Errorf("%s says that its name is %q: write exactly that", issuer, found.Issuer)
	}
	return found.KeysURL, nil
}

// readSecret reads the secret that gatehouse signs with.
func readSecret(path string) ([]byte, error) {
	if path == "" {
		return nil, errors.New("JWT_SECRET_FILE is not set: name the file of gatehouse's jwt.secret_file, or its https URL in JWT_ISSUER")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("JWT_SECRET_FILE: %w", err)
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r") // one line break, as gatehouse
	if len(secret) < 32 {
		return nil, fmt.Errorf("JWT_SECRET_FILE: %s holds fewer than 32 bytes", path)
	}
	return []byte(secret), nil
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u, err := a.user(r.Header.Values("Authorization"))
	if err != nil {
		log.Println("refused:", err) // the reason is for us: a client learns that it is nobody
		w.Header().Set("WWW-Authenticate", "Bearer")
		answer(w, http.StatusUnauthorized, map[string]string{"error": "Unauthorized access"})
		return
	}
	answer(w, http.StatusOK, u)
}

// user is who the token in the header speaks of. X-Auth-Username is not looked at: anybody can write it.
func (a *api) user(headers []string) (user, error) {
	if len(headers) != 1 {
		return user{}, fmt.Errorf("%d Authorization headers, want one", len(headers))
	}
	scheme, token, _ := strings.Cut(headers[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return user{}, errors.New("no Bearer token")
	}
	var c claims
	if _, err := a.parser.ParseWithClaims(token, &c, a.key); err != nil {
		return user{}, err
	}
	if c.Username == "" {
		return user{}, errors.New("the token names nobody")
	}
	return c.user, nil
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}
