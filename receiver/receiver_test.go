package receiver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/autorollback/autorollback/receiver"
	"github.com/autorollback/autorollback/record"
)

const token = "0123456789abcdefghijklmnopqrstuv"

type intake func(context.Context, []record.Alert) error

func (f intake) Alerts(ctx context.Context, alerts []record.Alert) error { return f(ctx, alerts) }
func (intake) LeftOut([]record.Alert, record.AlertOutcome)               {}

func accept(context.Context, []record.Alert) error { return nil }

// endpoint is a receiver with its registry.
type endpoint struct {
	*receiver.Receiver
	reg *prometheus.Registry
}

func open(t testing.TB, in intake, cfg receiver.Config) endpoint {
	t.Helper()
	if cfg.TokenFile == "" && cfg.TLS.ClientCA == "" {
		cfg.TokenFile = write(t, "token", token+"\n")
	}
	reg := prometheus.NewPedanticRegistry()
	r, err := receiver.New(in, cfg, zap.NewNop(), reg)
	if err != nil {
		t.Fatal(err)
	}
	return endpoint{r, reg}
}

func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// call makes a good request; the mutations make it less so.
func call(body string, mutate ...func(*http.Request)) *http.Request {
	req := httptest.NewRequest(http.MethodPost, receiver.Path, strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	for _, m := range mutate {
		m(req)
	}
	return req
}

func header(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func (d endpoint) serve(req *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, req)
	return w
}

const firing = `{"version":"4","status":"firing","alerts":[{"status":"firing","labels":{"autorollback":"true","service":"ranker","trigger":"latency","severity":"severe"},"startsAt":"2026-01-02T03:04:05Z"}]}`

func many(n int) string {
	return `{"version":"4","alerts":[` + strings.TrimSuffix(strings.Repeat(`{"status":"firing"},`, n), ",") + `]}`
}

func TestAnswers(t *testing.T) {
	fails := func(context.Context, []record.Alert) error { return errors.New("store is away") }
	for _, c := range []struct {
		name string
		in   intake
		req  *http.Request
		want int
	}{
		{"committed", accept, call(firing), 200},
		{"with charset", accept, call(firing, header("Content-Type", "application/json; charset=utf-8")), 200},
		{"nothing for us needs no intake", fails, call(many(1)), 200},
		{"no alerts", fails, call(`{"version":"4"}`), 200},
		{"unknown fields", accept, call(strings.Replace(firing, `{`, `{"new":{"a":[1]},`, 1)), 200},
		{"thousand alerts", accept, call(many(1000)), 200},
		{"not committed", fails, call(firing), 503},
		{"no JSON", accept, call("hello"), 400},
		{"empty", accept, call(""), 400},
		{"cut", accept, call(firing[:len(firing)/2]), 400},
		{"two messages", accept, call(firing + firing), 400},
		{"rubbish after the message", accept, call(firing + "]"), 400},
		{"version 3", accept, call(strings.Replace(firing, `"4"`, `"3"`, 1)), 400},
		{"version as number", accept, call(strings.Replace(firing, `"4"`, `4`, 1)), 400},
		{"custom payload", accept, call(`{"text":"ranker is slow"}`), 400},
		{"deep nesting", accept, call(`{"version":"4","x":` + strings.Repeat("[", 100000)), 400},
		{"no token", accept, call(firing, func(r *http.Request) { r.Header.Del("Authorization") }), 401},
		{"wrong token", accept, call(firing, header("Authorization", "Bearer "+token[1:]+"x")), 401},
		{"prefix of the token", accept, call(firing, header("Authorization", "Bearer "+token[:31])), 401},
		{"basic auth", accept, call(firing, func(r *http.Request) { r.SetBasicAuth("am", token) }), 401},
		{"two tokens", accept, call(firing, func(r *http.Request) { r.Header.Add("Authorization", "Bearer x") }), 401},
		{"wrong token is told nothing else", accept, call("", header("Authorization", ""), func(r *http.Request) { r.Method = "PUT" }), 401},
		{"other path", accept, call(firing, func(r *http.Request) { r.URL.Path = "/v2/alertmanager" }), 404},
		{"path that a mux would clean", accept, call(firing, func(r *http.Request) { r.URL.Path = "//v1/alertmanager/" }), 404},
		{"GET", accept, call("", func(r *http.Request) { r.Method = http.MethodGet }), 405},
		{"HEAD", accept, call("", func(r *http.Request) { r.Method = http.MethodHead }), 405},
		{"declared too large", accept, call(firing, func(r *http.Request) { r.ContentLength = 4<<20 + 1 }), 413},
		{"too large", accept, call(firing+strings.Repeat(" ", 4<<20), func(r *http.Request) { r.ContentLength = -1 }), 413},
		{"too many alerts", accept, call(many(1001)), 413},
		{"form", accept, call(firing, header("Content-Type", "application/x-www-form-urlencoded")), 415},
		{"no type", accept, call(firing, func(r *http.Request) { r.Header.Del("Content-Type") }), 415},
		{"gzip", accept, call(firing, header("Content-Encoding", "gzip")), 415},
		{"identity", accept, call(firing, header("Content-Encoding", "identity")), 415},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := open(t, c.in, receiver.Config{})
			w := d.serve(c.req)
			if w.Code != c.want {
				t.Errorf("answers %d (%s), want %d", w.Code, strings.TrimSpace(w.Body.String()), c.want)
			}
			if later := w.Header().Get("Retry-After") != ""; later != (c.want == 503) {
				t.Errorf("Retry-After: %t", later)
			}
			if got := d.counter(t, "autorollback_webhook_requests_total", "code", strconv.Itoa(c.want)); got != 1 {
				t.Errorf("counted %v requests with code %d", got, c.want)
			}
		})
	}
}

// counter reads one labelled value of the registry.
func (d endpoint) counter(t *testing.T, name, label, value string) float64 {
	t.Helper()
	families, err := d.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && m.GetLabel()[0].GetName() == label && m.GetLabel()[0].GetValue() == value {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Fatalf("no series %s{%s=%q}", name, label, value)
	return 0
}

func TestMetricsExistFromTheStart(t *testing.T) {
	d := open(t, accept, receiver.Config{})
	for name, want := range map[string]int{
		"autorollback_webhook_requests_total": 8,
		"autorollback_webhook_alerts_total":   6,
		"autorollback_webhook_seconds":        1,
	} {
		if got, err := testutil.GatherAndCount(d.reg, name); err != nil || got != want {
			t.Errorf("%s has %d series (%v), want %d", name, got, err, want)
		}
	}
}

// ordered fails the test if anything is answered before the intake is through.
type ordered struct {
	*httptest.ResponseRecorder
	t         *testing.T
	committed *bool
}

func (o ordered) WriteHeader(code int) {
	if !*o.committed {
		o.t.Error("answered before the outcome was committed")
	}
	o.ResponseRecorder.WriteHeader(code)
}

func TestCommitsBeforeItAnswers(t *testing.T) {
	committed := false
	d := open(t, func(context.Context, []record.Alert) error { committed = true; return nil }, receiver.Config{})
	w := ordered{httptest.NewRecorder(), t, &committed}
	d.ServeHTTP(w, call(firing))
	if w.Code != 200 {
		t.Errorf("answers %d", w.Code)
	}
}

func TestSlowIntakeIsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, func(ctx context.Context, _ []record.Alert) error { <-ctx.Done(); return ctx.Err() }, receiver.Config{})
		began := time.Now()
		w := d.serve(call(firing))
		if took := time.Since(began); w.Code != 503 || took != 3*time.Second {
			t.Errorf("answers %d after %s, want 503 after 3s", w.Code, took)
		}
	})
}

func TestHangingUpDoesNotCallOffTheIntake(t *testing.T) {
	d := open(t, func(ctx context.Context, _ []record.Alert) error { return ctx.Err() }, receiver.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if w := d.serve(call(firing).WithContext(ctx)); w.Code != 200 {
		t.Errorf("answers %d: the intake was called off", w.Code)
	}
}

func TestFlightsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		land := make(chan struct{})
		d := open(t, func(context.Context, []record.Alert) error { <-land; return nil }, receiver.Config{})
		codes := make(chan int, 32)
		for range 32 {
			go func() { codes <- d.serve(call(firing)).Code }()
		}
		synctest.Wait()
		if w := d.serve(call(firing)); w.Code != 503 {
			t.Errorf("the 33rd request gets %d, want 503", w.Code)
		}
		if w := d.serve(call(firing, header("Authorization", ""))); w.Code != 401 {
			t.Errorf("a stranger gets %d, want 401", w.Code)
		}
		close(land)
		for range 32 {
			if code := <-codes; code != 200 {
				t.Errorf("a request under way got %d", code)
			}
		}
		if w := d.serve(call(firing)); w.Code != 200 {
			t.Errorf("afterwards: %d", w.Code)
		}
	})
}

func TestRefusedConfigurations(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  receiver.Config
		want string
	}{
		"open to all":      {receiver.Config{}, "receiver lets anybody in: name a bearer token file, a client CA file, or both"},
		"short token":      {receiver.Config{TokenFile: write(t, "f", token+"\nshort\n")}, "line 2: a token has 5 bytes, at least 32 are needed"},
		"empty file":       {receiver.Config{TokenFile: write(t, "f", "\n \n")}, "no token in it"},
		"no file":          {receiver.Config{TokenFile: filepath.Join(t.TempDir(), "none")}, "no such file"},
		"CA without cert":  {receiver.Config{TLS: receiver.TLS{ClientCA: "x"}}, "client certificates need a server certificate and key as well"},
		"names without CA": {receiver.Config{TokenFile: write(t, "f", token), TLS: receiver.TLS{Cert: "x", Key: "y", Allowed: []string{"am"}}}, "allowed names of client certificates need a client CA file as well"},
	} {
		_, err := receiver.New(intake(accept), c.cfg, zap.NewNop(), prometheus.NewRegistry())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestBrokenTokenFileIsToldOnce: not at every request.
func TestBrokenTokenFileIsToldOnce(t *testing.T) {
	file := write(t, "token", token)
	core, logs := observer.New(zap.InfoLevel)
	r, err := receiver.New(intake(accept), receiver.Config{TokenFile: file}, zap.New(core), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		r.ServeHTTP(httptest.NewRecorder(), call(firing))
	}
	if n := logs.Len(); n != 1 {
		t.Errorf("told %d times: %v", n, logs.All())
	}
	if text := fmt.Sprint(logs.All()); strings.Contains(text, "half") || strings.Contains(text, token) {
		t.Error("a token is in the log")
	}
}

func TestTokensRotate(t *testing.T) {
	file := write(t, "token", token)
	d := open(t, accept, receiver.Config{TokenFile: file})
	second := "vutsrqponmlkjihgfedcba9876543210"
	with := func(token string) int { return d.serve(call(firing, header("Authorization", "bearer "+token))).Code }
	for _, step := range []struct {
		name, file  string
		first, next int
	}{
		{"one", token, 200, 401},
		{"both", token + "\n" + second + "\n", 200, 200},
		{"half written", second[:20], 200, 200},
		{"emptied", "", 200, 200},
		{"only the new one", second, 401, 200},
	} {
		if err := os.WriteFile(file, []byte(step.file), 0o600); err != nil {
			t.Fatal(err)
		}
		if a, b := with(token), with(second); a != step.first || b != step.next {
			t.Errorf("%s: first token %d, second %d; want %d, %d", step.name, a, b, step.first, step.next)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if with(second) != 200 || with(token) != 401 {
		t.Error("a file that is gone for a moment changes who may send")
	}
}

// A call that nobody will send again is remembered apart from one that was taken; 503 is neither.
func TestNewestCalls(t *testing.T) {
	ok := true
	d := open(t, intake(func(context.Context, []record.Alert) error {
		if ok {
			return nil
		}
		return errors.New("store is away")
	}), receiver.Config{})
	if accepted, refused := d.Newest(); !accepted.At.IsZero() || !refused.At.IsZero() {
		t.Fatalf("before any call: %+v, %+v", accepted, refused)
	}
	d.serve(call(firing))
	from := func(addr string) func(*http.Request) { return func(r *http.Request) { r.RemoteAddr = addr } }
	other := header("Authorization", "Bearer of-another-alertmanager-0123456789")
	d.serve(call(firing, other, from("198.51.100.7:80")))
	if _, refused := d.Newest(); refused.From != "198.51.100.7" {
		t.Errorf("refused %+v", refused)
	}
	d.serve(call(firing, from("198.51.100.7:81")))
	if _, refused := d.Newest(); !refused.At.IsZero() {
		t.Errorf("put right, and still refused %+v", refused)
	}
	d.serve(call(firing, other))
	accepted, refused := d.Newest()
	if accepted.Code != 200 || refused.Code != 401 || refused.From != "192.0.2.1" || refused.Text != "a valid bearer token is needed" || refused.At.Before(accepted.At) {
		t.Errorf("accepted %+v, refused %+v", accepted, refused)
	}
	ok = false
	d.serve(call(firing))
	if a, r := d.Newest(); a != accepted || r != refused {
		t.Errorf("after 503: %+v, %+v", a, r)
	}
}
