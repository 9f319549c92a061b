package attack

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"github.com/autorollback/autorollback/test/sim"
	"golang.org/x/sync/errgroup"
)

// lasts is how long an attack goes on, in milliseconds.
func lasts() time.Duration { return time.Duration(sim.Size(15_000, 500, 0)) * time.Millisecond }

// An attacker sends from the address that honest callers have as well.
type attacker struct {
	ctx    context.Context
	d      *daemon
	client *http.Client
	sent   atomic.Int64
	barred atomic.Int64 // requests of somebody who may not send them
}

func newAttacker(ctx context.Context, d *daemon) *attacker {
	return &attacker{ctx: ctx, d: d, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

// attack runs it; one that did not get as far as to send anything is none.
func (a *attacker) attack(one attack) error {
	defer a.client.CloseIdleConnections()
	err := one.run(a)
	if err == nil && a.sent.Load() == 0 {
		err = errors.New("the attack has sent nothing")
	}
	if n := a.barred.Load(); n > 0 {
		err = errors.Join(err, fmt.Errorf("%d requests got no further than who may send them", n))
	}
	return err
}

// repeat does it over and over, n times at once. What the daemon makes of it is its affair.
func (a *attacker) repeat(n int, do func() error) error {
	var g errgroup.Group
	for range n {
		g.Go(func() error {
			for a.ctx.Err() == nil {
				_ = do()
			}
			return nil
		})
	}
	return g.Wait()
}

// hold keeps n connections open that say something at first, and then more of it every now and
// then, and opens one again that was closed.
func (a *attacker) hold(n int, to, first, more string) error {
	var g errgroup.Group
	for range n {
		g.Go(func() error {
			for a.ctx.Err() == nil {
				a.one(to, first, more)
			}
			return nil
		})
	}
	return g.Wait()
}

func (a *attacker) one(to, first, more string) {
	c, err := (&net.Dialer{}).DialContext(a.ctx, "tcp", to)
	if err != nil {
		return
	}
	defer c.Close()
	defer context.AfterFunc(a.ctx, func() { _ = c.Close() })()
	if _, err := io.WriteString(c, first); err != nil {
		return
	}
	a.sent.Add(1)
	for {
		_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
		_, err := c.Read(make([]byte, 512))
		var late net.Error
		if !errors.As(err, &late) || !late.Timeout() {
			return
		}
		if _, err := io.WriteString(c, more); err != nil {
			return
		}
	}
}

func (a *attacker) hook(body string) error {
	req, err := a.d.webhook(a.ctx, body)
	if err != nil {
		return err
	}
	return a.do(req)
}

func signIn(r *http.Request) { r.SetBasicAuth("demo", password) }
func bearer(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }

func (a *attacker) order(path, kind, body string) error {
	return a.send(a.d.web, http.MethodPost, "/api/v1"+path, kind, body, signIn)
}

func (a *attacker) guess(name string) error {
	return a.get(a.d.web, "/api/v1/status", func(r *http.Request) { r.SetBasicAuth(name, rand.Text()) })
}

func (a *attacker) get(to, path string, with func(*http.Request)) error {
	return a.send(to, http.MethodGet, path, "", "", with)
}

func (a *attacker) send(to, method, path, kind, body string, with func(*http.Request)) error {
	req, err := http.NewRequestWithContext(a.ctx, method, "http://"+to+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", kind)
	with(req)
	return a.do(req)
}

func (a *attacker) do(req *http.Request) error {
	req = req.WithContext(httptrace.WithClientTrace(a.ctx, &httptrace.ClientTrace{
		WroteRequest: func(httptrace.WroteRequestInfo) { a.sent.Add(1) },
	}))
	resp, err := a.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusForbidden {
		a.barred.Add(1)
	}
	text, err := io.ReadAll(resp.Body)
	if n := len(text); n > 64<<10 && !bytes.Contains(text, []byte("# HELP")) {
		return fmt.Errorf("an answer of %d bytes", n)
	}
	return err
}
