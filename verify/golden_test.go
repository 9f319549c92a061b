package verify_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/verify"
)

func TestStoredPredictions(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }
	for _, c := range []struct {
		name    string
		version string
		serve   http.HandlerFunc
		want    record.Health
		good    float64
		phrase  string
	}{
		{"as stored", "v1", echo, record.Good, 3, "all 3 stored predictions of v1 are answered as stored"},
		{"one differs", "v1", func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			_, _ = w.Write(bytes.ReplaceAll(body, []byte("2"), []byte("7")))
		}, record.Bad, 2, `1 of 3 stored predictions of v1 are answered differently: "two" differs in score`},
		{"refused", "v1", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, record.Bad, 0, "503"},
		{"a redirect is no answer", "v1", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) }, record.Bad, 0, "302"},
		{"silent", "v1", func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body); <-r.Context().Done() }, record.Unknown, 0, "3 of 3 stored predictions of v1 got no answer"},
		{"too long", "v1", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2<<20)) }, record.Bad, 0, "more than 1 MiB"},
		{"of every version", "v9", echo, record.Good, 1, "all 1 stored"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(c.serve)
			defer s.Close()
			g := stored(s.URL + "/{version}")
			if c.want == record.Unknown {
				g.Timeout = runbook.Duration(300 * time.Millisecond)
			}
			a := predictor().Ask(t.Context(), g, record.Side{Version: c.version})
			if a.Health != c.want || a.Value != c.good || a.Aside {
				t.Errorf("got %+v", a)
			}
			contains(t, a.Text, c.phrase)
		})
	}
}

// The token goes with each prediction, and into nothing that is kept. Without it nobody is
// asked: what would be refused says nothing of the model.
func TestStoredPredictionsAreAskedWithAToken(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = io.Copy(w, r.Body)
	}))
	defer s.Close()
	g := stored(s.URL)
	g.TokenFile = filepath.Join(t.TempDir(), "token")
	if a := predictor().Ask(t.Context(), g, record.Side{Version: "v1"}); a.Health != record.Unknown || !strings.Contains(a.Text, "read the token") {
		t.Errorf("without the file: %+v", a)
	}
	for token, want := range map[string]record.Health{"wr0ng\n": record.Bad, "s3cret\n": record.Good} {
		if err := os.WriteFile(g.TokenFile, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		a := predictor().Ask(t.Context(), g, record.Side{Version: "v1"})
		if a.Health != want || strings.Contains(fmt.Sprintf("%+v", a), strings.TrimSpace(token)) {
			t.Errorf("with %s: %+v", token, a)
		}
	}
}

func TestNoStoredPredictionsAreAside(t *testing.T) {
	g := stored("http://127.0.0.1:1")
	g.Cases = g.Cases[:2]
	a := predictor().Ask(t.Context(), g, record.Side{Version: "v9"})
	if !a.Aside {
		t.Fatalf("got %+v", a)
	}
	level := record.Answer{Question: "error rate", Health: record.Good}
	if h, why := verify.Judge([]record.Answer{level, a}); h != record.Good {
		t.Errorf("it is judged %s: %s", h, why)
	}
	// What the service's own predictions say is no proof of what users get.
	if h, _ := verify.Judge([]record.Answer{{Question: verify.GoldenQuestion + " v1", Health: record.Good}, {Question: verify.PairQuestion + " v1", Health: record.Good},
		{Question: verify.FlagQuestion, Health: record.Good}}); h != record.Unknown {
		t.Errorf("checks alone are judged %s", h)
	}
	a.Aside, a.Health = false, record.Bad
	if h, _ := verify.Judge([]record.Answer{level, a}); h != record.Bad {
		t.Errorf("a bad one is judged %s", h)
	}
}

func stored(url string) *runbook.Golden {
	g := &runbook.Golden{URL: url, Timeout: runbook.Duration(time.Minute)}
	for i, name := range []string{"one", "two", "three"} {
		c := runbook.GoldenCase{Name: name, Version: "v1", Request: fmt.Sprintf(`{"score":%d}`, i+1)}
		c.Answer = c.Request
		g.Cases = append(g.Cases, c)
	}
	g.Cases[2].Version = ""
	return g
}

// predictor compares as text.
func predictor() verify.Predictor {
	return verify.Predictor{Client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		Differs: func(_ *runbook.Golden, stored, got []byte) ([]string, error) {
			if bytes.Equal(stored, got) {
				return nil, nil
			}
			return []string{"score"}, nil
		}}
}
