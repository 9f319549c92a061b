package outbound_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autorollback/autorollback/outbound"
)

// The server of OAuth 2 tokens gets the client's secret, and nobody that it sends us on to; and one that
// does not answer keeps nobody waiting.
func TestTokensServer(t *testing.T) {
	var stolen, asked atomic.Int64
	thief := at(t, "127.0.0.2", func(http.ResponseWriter, *http.Request) { stolen.Add(1) })
	s := at(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_ = r.ParseForm()
		switch r.URL.Path {
		case "/good":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"access_token":"granted","token_type":"Bearer"}`)
		case "/redirects":
			w.Header().Set("Location", thief.URL)
			w.WriteHeader(http.StatusTemporaryRedirect)
		case "/silent":
			<-r.Context().Done()
		}
	})
	target := at(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer granted" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	for path, want := range map[string]string{"/good": "", "/redirects": "the token's server redirects there", "/silent": "timeout"} {
		file := filepath.Join(t.TempDir(), "http.yml")
		text := "oauth2: {client_id: a, client_secret: CANARY-4711, token_url: '" + s.URL + path + "'}\n"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		client, err := outbound.Open("test", file, outbound.Login{}, outbound.Options{Within: 500 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		switch {
		case want == "" && (err != nil || resp.StatusCode != http.StatusOK):
			t.Errorf("%s: %v, %v", path, resp, err)
		case want != "" && (err == nil || !strings.Contains(strings.ToLower(err.Error()), want) || strings.Contains(err.Error(), "CANARY")):
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		if err == nil {
			resp.Body.Close()
		}
	}
	if stolen.Load() > 0 || asked.Load() < 3 {
		t.Errorf("the secret went elsewhere %d times; the server was asked %d times", stolen.Load(), asked.Load())
	}
}
