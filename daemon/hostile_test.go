package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report/notify"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/verify"
)

// calls are all that the daemon asks of others, each of the server at an address.
func calls(t *testing.T, allow ...netip.Prefix) map[string]func(ctx context.Context, url string) error {
	t.Helper()
	dir := t.TempDir()
	file := writer(t, dir)
	login := file("http.yml", "authorization: {credentials: CANARY-4711}\nhttp_headers: {X-Api-Key: {secrets: [CANARY-4711]}}\n")
	whsecFile, token := file("whsec", whsec(goodToken)), file("token", "7b1ac6b9-2f38-4e0d-9d43-0c5b0f1a7e52")
	prom := func(ask func(context.Context, *promapi.Client) error) func(context.Context, string) error {
		return func(ctx context.Context, url string) error {
			c, err := OpenPrometheus("--prometheus.url", url, login, allow...)
			if err != nil {
				return err
			}
			return ask(ctx, c)
		}
	}
	consul := func(ask func(context.Context, *store.Consul) error) func(context.Context, string) error {
		return func(ctx context.Context, url string) error {
			cfg := Config{Store: "consul://" + strings.TrimPrefix(url, "http://"), Replica: "test", Allow: allow}
			cfg.Consul.TokenFile = token
			s, err := OpenStore(cfg, func(func() error) {})
			if err != nil {
				return err
			}
			return ask(ctx, s.(*store.Consul))
		}
	}
	post := func(configure func(m *Messages, url string)) func(context.Context, string) error {
		return func(ctx context.Context, url string) error {
			d := &Daemon{log: zap.NewNop(), cfg: Config{Allow: allow}}
			configure(&d.cfg.Messages, url)
			var sink notify.Sender
			hook, err := d.webhook()
			if sink = hook; hook == nil && err == nil {
				client, failed := d.alertmanagerClient([]string{url})
				sink, err = notify.Alertmanager{URLs: []string{url}, Client: client}, failed
			}
			if err != nil {
				return err
			}
			return sink.Send(ctx, record.Message{ID: "m", Kind: "blind", Service: "ranker", CreatedAt: time.Now()}, "")
		}
	}
	return map[string]func(context.Context, string) error{
		"Prometheus, a query": prom(func(ctx context.Context, c *promapi.Client) error {
			_, _, err := c.Query(ctx, "up", time.Time{})
			return err
		}),
		"Prometheus, its rules": prom(func(ctx context.Context, c *promapi.Client) error {
			return c.RuleGroups(ctx, func(promapi.RuleGroup) error { return nil })
		}),
		"Prometheus, its targets":    prom(func(ctx context.Context, c *promapi.Client) error { _, err := c.Targets(ctx); return err }),
		"Consul, a read":             consul(func(ctx context.Context, c *store.Consul) error { _, err := c.Read(ctx, "a/"); return err }),
		"Consul, a watch":            consul(func(ctx context.Context, c *store.Consul) error { _, err := c.Watch(ctx, "a/", 1); return err }),
		"Consul, its catalog":        consul(func(ctx context.Context, c *store.Consul) error { _, err := c.Passing(ctx, "ranker"); return err }),
		"Consul, the token's rights": consul(func(ctx context.Context, c *store.Consul) error { return c.Token(ctx) }),
		"Alertmanager":               post(func(m *Messages, _ string) { m.AlertmanagerHTTP = login }),
		"a webhook":                  post(func(m *Messages, url string) { m.Webhook, m.WebhookSecrets = url, whsecFile }),
		"a router's instance": func(ctx context.Context, url string) error {
			router, err := actuators.For(runbook.Routing{Router: "json", Key: "routes/ranker"})
			if err == nil {
				_, err = router.Observe(ctx, (&Daemon{cfg: Config{Allow: allow}}).client(), url)
			}
			return err
		},
		"a model": func(ctx context.Context, url string) error {
			g := &runbook.Golden{URL: url, Timeout: runbook.Duration(10 * time.Second), TokenFile: token,
				Cases: []runbook.GoldenCase{{Request: "{}", Answer: "{}"}}}
			p := verify.Predictor{Client: (&Daemon{cfg: Config{Allow: allow}}).client(), Differs: func(_ *runbook.Golden, _, got []byte) ([]string, error) {
				return nil, json.Unmarshal(got, new(struct{}))
			}}
			if a := p.Ask(ctx, g, record.Side{Version: "v1"}); a.Health != record.Good {
				return fmt.Errorf("%s", a.Text)
			}
			return nil
		},
	}
}

// hosts serves on another address of loopback.
func hosts(t *testing.T, host string, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // whoever goes away is not seen before
		h(w, r)
	})}}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// Whoever we call may be somebody else: a redirect leads nowhere, an answer without an end is cut off, and one that
// never comes is given up. Nothing that we send along arrives elsewhere, and nothing of the answer is
// repeated at length.
func TestHostileAnswers(t *testing.T) {
	var stolen atomic.Int64
	thief := hosts(t, "127.0.0.2", func(w http.ResponseWriter, _ *http.Request) {
		stolen.Add(1)
		_, _ = w.Write([]byte(`{"status":"success","data":{"resultType":"vector","result":[]}}`))
	})
	redirect := func(to string, code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", to); w.WriteHeader(code) }
	}
	// Of these no more than the status counts.
	statusCounts := map[string]bool{"Alertmanager": true, "a webhook": true, "Consul, the token's rights": true}
	begins200 := map[string]bool{"an endless answer": true, "a slow answer": true, "another's page": true}
	for name, answer := range map[string]http.HandlerFunc{
		"moved elsewhere":      redirect(thief.URL+"/steal", http.StatusMovedPermanently),
		"sent on elsewhere":    redirect(thief.URL+"/steal", http.StatusTemporaryRedirect),
		"sent on to metadata":  redirect("http://169.254.169.254/latest/meta-data/iam", http.StatusPermanentRedirect),
		"sent round and round": redirect("/round", http.StatusTemporaryRedirect),
		"an endless answer": func(w http.ResponseWriter, _ *http.Request) {
			_, err := w.Write([]byte(`{"data":{"groups":[{"name":"`))
			for text := []byte(strings.Repeat("CANARY-4711 ", 1<<12)); err == nil; {
				_, err = w.Write(text)
			}
		},
		"an endless refusal": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			var err error
			for text := []byte(strings.Repeat("endless ", 1<<12)); err == nil; {
				_, err = w.Write(text)
			}
		},
		"a slow answer": func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte(" "))
				_ = http.NewResponseController(w).Flush()
				select {
				case <-r.Context().Done():
				case <-time.After(10 * time.Millisecond):
				}
			}
		},
		"no answer": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"another's page": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("<html>\x1b[31mCANARY-4711" + strings.Repeat("long ", 1000)))
		},
	} {
		s := hosts(t, "127.0.0.1", answer)
		for who, call := range calls(t) {
			t.Run(name+", "+who, func(t *testing.T) {
				within := 30 * time.Second
				if name == "a slow answer" || name == "no answer" {
					within = 200 * time.Millisecond
				}
				ctx, cancel := context.WithTimeout(t.Context(), within)
				defer cancel()
				switch err := call(ctx, s.URL); {
				case err == nil && statusCounts[who] && begins200[name]:
				case err == nil:
					t.Error("it is taken for an answer")
				case strings.HasPrefix(name, "an endless") && errors.Is(err, context.DeadlineExceeded):
					t.Errorf("it is not cut off: %v", err)
				case len(err.Error()) > 700 || strings.ContainsAny(err.Error(), "\x1b\n"):
					t.Errorf("%d bytes: %.800q", len(err.Error()), err)
				case strings.Contains(err.Error(), "CANARY"):
					t.Errorf("the answer is repeated: %v", err)
				case strings.HasPrefix(name, "sent") && !strings.Contains(err.Error(), "redirect") && !strings.Contains(err.Error(), "30"):
					t.Errorf("it does not say what the matter is: %v", err)
				}
			})
		}
	}
	if n := stolen.Load(); n > 0 {
		t.Errorf("%d requests, with what they carry, went elsewhere", n)
	}
}

// With --outbound.allow nobody else is called, by whatever part of the daemon.
func TestOnlyAllowedNetworksAreCalled(t *testing.T) {
	s := hosts(t, "127.0.0.1", func(http.ResponseWriter, *http.Request) { t.Error("it was called") })
	for who, call := range calls(t, netip.MustParsePrefix("127.0.0.2/32")) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if err := call(ctx, s.URL); err == nil || !strings.Contains(err.Error(), "--outbound.allow does not have it") {
			t.Errorf("%s: %v", who, err)
		}
		cancel()
	}
}
