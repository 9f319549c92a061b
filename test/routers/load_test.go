package routers

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
	"time"
)

const (
	workers = 8
	pace    = 1250 * time.Microsecond // from one request to the next: 800 a second
	users   = 400
)

// A user keeps the cookies that it is given. One says who it is by a header and sends GET, the
// next by a cookie and sends POST, which no client sends again that had a connection closed.
type user struct {
	id     string
	number int
	post   bool
	jar    http.CookieJar
}

func newUser(i int) *user {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // it has no options that could be wrong
	}
	return &user{id: fmt.Sprintf("user-%d", i), number: i, post: i%2 == 1, jar: jar}
}

// An answer is what a user got.
type answer struct {
	sent, came time.Time
	user       *user
	by         string // the version that answered
	failed     error  // also a status that is not 200
}

// address is one of loopback's 16 million, of the user's own.
func (u *user) address() string {
	return netip.AddrFrom4([4]byte{127, byte(1 + u.number>>16), byte(u.number >> 8), byte(u.number)}).String()
}

// alone is a client that sends from the user's address, each request on a new connection.
func (u *user) alone() *http.Client {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(u.address())}}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true}, Timeout: time.Minute}
}

// ask sends one request of the user.
func (u *user) ask(ctx context.Context, client *http.Client, url string) answer {
	a := answer{user: u}
	req, err := u.request(ctx, url)
	if err != nil {
		a.failed = err
		return a
	}
	a.sent = time.Now()
	resp, err := client.Do(req)
	if err != nil {
		a.failed = err
		return a
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	a.came = time.Now()
	u.jar.SetCookies(req.URL, resp.Cookies())
	a.by = strings.TrimSpace(string(body))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, a.by)
	}
	a.failed = err
	return a
}

func (u *user) request(ctx context.Context, url string) (*http.Request, error) {
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
		req.AddCookie(&http.Cookie{Name: "user", Value: u.id})
	} else {
		req.Header.Set("X-User-Id", u.id)
	}
	return req, nil
}

// cut reports whether the request failed since its connection was closed when it came: a
// router that reloads closes those that are idle.
func (a answer) cut() bool {
	return errors.Is(a.failed, io.EOF) || errors.Is(a.failed, syscall.ECONNRESET) || errors.Is(a.failed, syscall.EPIPE)
}

// A load is requests at a steady pace, by workers that keep their connections.
type load struct {
	stop func()

	mu     sync.Mutex
	all    []answer
	arrive int // grows when other users take the place of those so far
}

// newcomers has each user's next request come from somebody without cookies.
func (l *load) newcomers() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrive++
}

func (l *load) arrivals() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.arrive
}

func (p *place) load() *load {
	ctx, cancel := context.WithCancel(p.Context())
	l := &load{}
	tick := time.NewTicker(pace)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() { l.work(ctx, tick.C, p.url, w) })
	}
	l.stop = sync.OnceFunc(func() {
		cancel()
		all.Wait()
		tick.Stop()
	})
	p.Cleanup(l.stop)
	return l
}

// work sends the requests of every eighth user in turn.
func (l *load) work(ctx context.Context, tick <-chan time.Time, url string, worker int) {
	transport := &http.Transport{MaxIdleConnsPerHost: 1}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	mine, met := make([]*user, users/workers), make([]int, users/workers)
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
		// Not the load's context: what is sent is answered.
		i := n % len(mine)
		if now := l.arrivals(); mine[i] == nil || met[i] != now {
			mine[i], met[i] = newUser(i*workers+worker), now
		}
		a := mine[i].ask(context.WithoutCancel(ctx), client, url)
		l.mu.Lock()
		l.all = append(l.all, a)
		l.mu.Unlock()
	}
}

// answers are those to requests that were sent after the moment.
func (l *load) answers(after time.Time) []answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	var some []answer
	for _, a := range l.all {
		if a.sent.After(after) {
			some = append(some, a)
		}
	}
	return some
}

// by returns the answers of one version.
func by(version string, all []answer) []answer {
	var some []answer
	for _, a := range all {
		if a.failed == nil && a.by == version {
			some = append(some, a)
		}
	}
	return some
}
