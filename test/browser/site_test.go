package browser

import (
	"context"
	"encoding/base64"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/crypto/bcrypt"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/web"
)

// A site is our own pages over a world, on an address of this machine.
type site struct {
	*world
	url  string
	ring report.Keyring
}

// signedIn is the header of somebody who may do everything.
var signedIn = "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:secret"))

// newSite serves until the test ends. Where people sign in, ann and eve can, and eve may only look.
func newSite(t *testing.T, signIn bool) *site {
	t.Helper()
	s := &site{world: newWorld(t, time.Now())}
	var err error
	if s.ring, err = report.ParseKeyring([]byte(report.GenerateKey().Reveal())); err != nil {
		t.Fatal(err)
	}
	auth := web.Auth{InsecureNoAuth: true}
	if signIn {
		hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		auth = web.Auth{ConfigFile: file(t, "web.yml", "basic_auth_users: {ann: '"+string(hash)+"', eve: '"+string(hash)+"'}\n"),
			RolesFile: file(t, "roles.yml", "roles: {view: [eve, ann], operate: [ann], admin: [ann]}\n")}
	}
	reg := prometheus.NewRegistry()
	handler := web.Handler(web.Deps{Engine: s.world, Tokens: s.ring, Auth: auth, Runbooks: func() []*runbook.Runbook { return s.runbooks }, Live: s.live,
		Page: func(_ context.Context, inc record.Incident) ([]byte, error) {
			return report.HTML(inc, s.runbooks[0], report.Options{Now: time.Now(), External: s.url, Prometheus: "https://prometheus.example"}), nil
		},
		Export: func(_ context.Context, inc record.Incident) ([]byte, error) {
			return report.Export(inc, s.runbooks[0], report.Options{External: s.url, Prometheus: "https://prometheus.example"}), nil
		},
		Ready: func() error { return nil }, Gatherer: reg, Registerer: reg, Log: zap.NewNop()})
	s.url = serve(t, cancelled{handler})
	return s
}

// cancelled is what somebody sees who closes the browser's own question for a password, which no test can: without
// the header a browser does not ask.
type cancelled struct{ http.Handler }

func (c cancelled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.Handler.ServeHTTP(unasked{w}, r)
}

type unasked struct{ http.ResponseWriter }

func (u unasked) WriteHeader(code int) {
	u.Header().Del("WWW-Authenticate")
	u.ResponseWriter.WriteHeader(code)
}

// Unwrap lets an answer be flushed.
func (u unasked) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// serve is our own server around a handler.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- web.Serve(ctx, []net.Listener{l}, "", h, prometheus.NewCounter(prometheus.CounterOpts{Name: "dropped"}), zap.NewNop())
	}()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "http://" + l.Addr().String()
}

func file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// link is the path of a question's page.
func (s *site) link(approval string) string {
	return report.ApprovePath + s.ring.Sign(s.approvals[approval])
}
