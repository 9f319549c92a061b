// Package users sends requests to a router as users do: each keeps its cookies, and stays who it
// is. It serves tests alone.
package users

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// Workers share a load's users.
	Workers = 8
	users   = 400
)

// VersionHeader says in an answer which version gave it.
const VersionHeader = "X-Model-Version"

// A User keeps the cookies that it is given. One says who it is by a header and sends GET, the
// next by a cookie and sends POST, which no client sends again that had a connection closed.
type User struct {
	ID     string
	Number int
	post   bool
	jar    http.CookieJar
}

// New is the user of that number, without cookies.
func New(i int) *User {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // it has no options that could be wrong
	}
	return &User{ID: fmt.Sprintf("user-%d", i), Number: i, post: i%2 == 1, jar: jar}
}

// An Answer is what a user got.
type Answer struct {
	Sent   time.Time
	User   *User
	By     string // the version that answered
	Failed error  // also a status that is not 200
}

// Address is one of loopback's 16 million, of the user's own.
func (u *User) Address() string {
	return netip.AddrFrom4([4]byte{127, byte(1 + u.Number>>16), byte(u.Number >> 8), byte(u.Number)}).String()
}

// Alone is a client that sends from the user's address, each request on a new connection.
func (u *User) Alone() *http.Client {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(u.Address())}}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}, Timeout: time.Minute}
}

// Ask sends one request of the user.
func (u *User) Ask(ctx context.Context, client *http.Client, url string) Answer {
	a := Answer{User: u}
	req, err := u.request(ctx, url)
	if err != nil {
		a.Failed = err
		return a
	}
	a.Sent = time.Now()
	resp, err := client.Do(req)
	if err != nil {
		a.Failed = err
		return a
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	u.jar.SetCookies(req.URL, resp.Cookies())
	a.By = resp.Header.Get(VersionHeader)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(body)))
	}
	a.Failed = err
	return a
}

func (u *User) request(ctx context.Context, url string) (*http.Request, error) {
	method, body := http.MethodGet, io.Reader(nil)
	if u.post {
		method, body = http.MethodPost, strings.NewReader(`{"inputs":[]}`)
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return nil, err
	}
	for _, c := range u.jar.Cookies(req.URL) {
		req.AddCookie(c)
	}
	if u.post {
		req.AddCookie(&http.Cookie{Name: "user", Value: u.ID})
	} else {
		req.Header.Set("X-User-Id", u.ID)
	}
	return req, nil
}

// Cut reports whether a POST failed since its connection was closed when it came: a router
// that reloads closes those that are idle.
func (a Answer) Cut() bool {
	return a.User.post && (errors.Is(a.Failed, io.EOF) || errors.Is(a.Failed, syscall.ECONNRESET) || errors.Is(a.Failed, syscall.EPIPE))
}

// A Load is requests at a steady pace, by workers that keep their connections.
type Load struct {
	Stop func() // and wait for the answers

	mu     sync.Mutex
	all    []Answer
	arrive int // grows when other users take the place of those so far
}

// Newcomers has each user's next request come from somebody without cookies.
func (l *Load) Newcomers() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrive++
}

func (l *Load) arrivals() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.arrive
}

// Start sends requests to the address, one each pace, until it is stopped or the test ends.
func Start(tb testing.TB, url string, pace time.Duration) *Load {
	ctx, cancel := context.WithCancel(tb.Context())
	l := &Load{}
	tick := time.NewTicker(pace)
	var all sync.WaitGroup
	for w := range Workers {
		all.Go(func() { l.work(ctx, tick.C, url, w) })
	}
	l.Stop = sync.OnceFunc(func() {
		cancel()
		all.Wait()
		tick.Stop()
	})
	tb.Cleanup(l.Stop)
	return l
}

// work sends the requests of every eighth user in turn.
func (l *Load) work(ctx context.Context, tick <-chan time.Time, url string, worker int) {
	transport := &http.Transport{MaxIdleConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	mine, met := make([]*User, users/Workers), make([]int, users/Workers)
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		// Not the load's context: what is sent is answered.
		i := n % len(mine)
		if now := l.arrivals(); mine[i] == nil || met[i] != now {
			mine[i], met[i] = New(i*Workers+worker), now
		}
		a := mine[i].Ask(context.WithoutCancel(ctx), client, url)
		l.mu.Lock()
		l.all = append(l.all, a)
		l.mu.Unlock()
	}
}

// After are the answers to requests that were sent after the moment.
func (l *Load) After(after time.Time) []Answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	var some []Answer
	for _, a := range l.all {
		if a.Sent.After(after) {
			some = append(some, a)
		}
	}
	return some
}

// By are the answers of one version.
func By(version string, all []Answer) []Answer {
	var some []Answer
	for _, a := range all {
		if a.Failed == nil && a.By == version {
			some = append(some, a)
		}
	}
	return some
}
