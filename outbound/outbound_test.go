package outbound_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autorollback/autorollback/outbound"
)

// proxied counts the calls of the proxy that the environment names.
var proxied atomic.Int64

// TestMain names it before anything else: what the environment says is read once.
func TestMain(m *testing.M) {
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { proxied.Add(1) }))
	defer proxy.Close()
	os.Setenv("HTTP_PROXY", proxy.URL)
	m.Run()
}

// clients are made in both ways, with the same options.
func clients(t *testing.T, o outbound.Options) map[string]*http.Client {
	t.Helper()
	file := filepath.Join(t.TempDir(), "http.yml")
	text := "authorization: {credentials: CANARY}\nhttp_headers: {X-Scope-OrgID: {values: [CANARY]}}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := outbound.Open("test", file, outbound.Login{}, o)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*http.Client{"plain": outbound.New(o), "by a file": client}
}

// ask reads the whole answer.
func ask(ctx context.Context, client *http.Client, url string) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer CANARY")
	req.Header.Set("X-Consul-Token", "CANARY")
	resp, err := client.Do(req)
	if err != nil {
		return 0, outbound.Cause(err)
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// at serves on an address of our own loopback.
func at(t *testing.T, host string, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func TestRedirectsStayWithinTheHost(t *testing.T) {
	var stolen atomic.Int64
	other := at(t, "127.0.0.2", func(http.ResponseWriter, *http.Request) { stolen.Add(1) })
	var s *httptest.Server
	s = at(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		to := map[string]string{
			"/other":    other.URL + "/steal",
			"/metadata": "http://169.254.169.254/latest/meta-data/",
			"/secure":   strings.Replace(s.URL, "http:", "https:", 1),
			"/here":     s.URL + "/end",
			"/relative": "/end",
			"/forever":  "/forever",
			"/hostile":  "http://x\u202ey.example/" + strings.Repeat("a", 5000),
			"/by name":  strings.Replace(s.URL, "127.0.0.1", "localhost", 1) + "/end",
		}[r.URL.Path]
		if to != "" {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusTemporaryRedirect)
		}
	})
	for path, want := range map[string]string{
		"/other":    "it redirects to " + other.URL + ", which is not followed",
		"/metadata": "it redirects to http://169.254.169.254, which is not followed",
		"/secure":   "it redirects to https://",
		"/here":     "",
		"/relative": "",
		"/forever":  "it redirects more than 3 times",
		"/hostile":  "it redirects to http://",
		"/by name":  "it redirects to http://localhost",
	} {
		for how, client := range clients(t, outbound.Options{Redirects: true}) {
			status, err := ask(t.Context(), client, s.URL+path)
			switch {
			case want == "" && (err != nil || status != http.StatusOK):
				t.Errorf("%s, %s: %d, %v", path, how, status, err)
			case want != "" && (err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 400):
				t.Errorf("%s, %s: %v, want %q", path, how, err, want)
			}
		}
		for how, client := range clients(t, outbound.Options{}) {
			if status, err := ask(t.Context(), client, s.URL+path); err != nil || status != http.StatusTemporaryRedirect {
				t.Errorf("%s, %s: a redirect that is the answer is %d, %v", path, how, status, err)
			}
		}
	}
	if n := stolen.Load(); n != 0 {
		t.Errorf("%d requests, with a token in each, went elsewhere", n)
	}
}

// A server with TLS cannot send us on to one without.
func TestARedirectNeverLosesTLS(t *testing.T) {
	plain := at(t, "127.0.0.1", func(http.ResponseWriter, *http.Request) { t.Error("it was called in the clear") })
	s := httptest.NewTLSServer(http.RedirectHandler(plain.URL, http.StatusFound))
	defer s.Close()
	client := outbound.New(outbound.Options{Redirects: true, TLS: s.Client().Transport.(*http.Transport).TLSClientConfig})
	if _, err := ask(t.Context(), client, s.URL); err == nil || !strings.Contains(err.Error(), "it redirects to http://") {
		t.Error(err)
	}
}

func TestAnOldTLSIsRefused(t *testing.T) {
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	s.StartTLS()
	defer s.Close()
	client := outbound.New(outbound.Options{TLS: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10}})
	if _, err := ask(t.Context(), client, s.URL); err == nil || !strings.Contains(err.Error(), "version") {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "http.yml")
	if err := os.WriteFile(file, []byte("tls_config: {insecure_skip_verify: true, min_version: TLS10}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := outbound.Open("test", file, outbound.Login{}, outbound.Options{}); err == nil || !strings.Contains(err.Error(), "must be TLS 1.2 or later") {
		t.Error(err)
	}
}

// An answer without an end, in its body or in its head, is cut off.
func TestAnswersEnd(t *testing.T) {
	s := at(t, "127.0.0.1", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/endless":
			for text := make([]byte, 64<<10); ; {
				if _, err := w.Write(text); err != nil {
					return
				}
			}
		case "/drip":
			for {
				if _, err := w.Write([]byte(".")); err != nil || http.NewResponseController(w).Flush() != nil || r.Context().Err() != nil {
					return
				}
				select {
				case <-r.Context().Done():
				case <-time.After(10 * time.Millisecond):
				}
			}
		case "/silent":
			<-r.Context().Done()
		case "/exact":
			_, _ = w.Write(make([]byte, 1<<20))
		}
	})
	for how, client := range clients(t, outbound.Options{Most: 1 << 20, Within: 30 * time.Second}) {
		if _, err := ask(t.Context(), client, s.URL+"/endless"); !errors.Is(err, outbound.ErrTooLong) || err.Error() != "the answer is too long: more than 1 MiB" {
			t.Errorf("%s: %v", how, err)
		}
		if _, err := ask(t.Context(), client, s.URL+"/exact"); err != nil {
			t.Errorf("%s: the longest that may be: %v", how, err)
		}
	}
	for how, client := range clients(t, outbound.Options{Within: 200 * time.Millisecond}) {
		for _, path := range []string{"/drip", "/silent"} {
			if _, err := ask(t.Context(), client, s.URL+path); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s, %s: %v", path, how, err)
			}
		}
	}
}

// raw answers each connection with these bytes, again and again until it is closed if endless.
func raw(t *testing.T, first, then string, endless bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = http.ReadRequest(bufio.NewReader(c))
				_, err := io.WriteString(c, first+then)
				for err == nil && endless {
					_, err = io.WriteString(c, then)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// What is no answer is cut off as well, and not repeated at length.
func TestWhatIsNoAnswer(t *testing.T) {
	for name, c := range map[string]struct{ first, then, want string }{
		"a head without an end": {"HTTP/1.1 200 OK\r\n", "X: " + strings.Repeat("x", 1000) + "\r\n", "exceeded"},
		"a line without an end": {"HTTP/1.1 ", strings.Repeat("x", 1000), "exceeded"},
		"no HTTP":               {"\x1b[31mroot:x:0:0:", strings.Repeat("long", 1000) + "\r\n", "malformed HTTP response"},
		"no length":             {"HTTP/1.1 200 OK\r\nContent-Length: ", strings.Repeat("y", 3000) + "\r\n\r\n", "bad Content-Length"},
	} {
		_, err := ask(t.Context(), outbound.New(outbound.Options{}), raw(t, c.first, c.then, c.want == "exceeded"))
		if err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 300 || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// Bytes that nobody asked for are logged by net/http: not what they are.
func TestUnsolicitedBytesAreNotLogged(t *testing.T) {
	logged := make(chan string, 9)
	log.SetOutput(outbound.Log(lines(logged)))
	defer log.SetOutput(os.Stderr)
	const canary = "CANARY-4711"
	client := outbound.New(outbound.Options{})
	url := raw(t, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", "HTTP/1.1 200 OK\r\nX: "+canary+"\r\n", false)
	if _, err := ask(t.Context(), client, url); err != nil {
		t.Fatal(err)
	}
	if got := <-logged; !strings.Contains(got, "Unsolicited response") || strings.Contains(got, canary) {
		t.Errorf("logged: %q", got)
	}
}

// lines are what is written.
type lines chan string

func (l lines) Write(text []byte) (int, error) { l <- string(text); return len(text), nil }

// Whoever turns a name into an address, the address decides.
func TestAddressesAreRefused(t *testing.T) {
	for how, client := range clients(t, outbound.Options{Within: 10 * time.Second}) {
		for _, host := range []string{
			"169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "0.0.0.0", "[::]",
			"168.63.129.16", "100.100.100.200", "[fd00:ec2::254]", "224.0.0.1",
		} {
			if _, err := ask(t.Context(), client, "http://"+host+"/latest/meta-data"); err == nil || !strings.Contains(err.Error(), "refuse to connect") {
				t.Errorf("%s, %s: %v", host, how, err)
			}
		}
	}
}

// The resolver is asked once for each connection, and what it answers is what is looked at: here by
// a name server that says something else at each question.
func TestRebindingDoesNotHelp(t *testing.T) {
	answers := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("169.254.169.254")}
	var asked atomic.Int64
	resolver := nameServer(t, func() netip.Addr { return answers[min(int(asked.Add(1))-1, 1)] })
	s := at(t, "127.0.0.1", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	client := outbound.New(outbound.Options{Resolver: resolver})
	url := strings.Replace(s.URL, "127.0.0.1", "rebinds.example.", 1)
	if _, err := ask(t.Context(), client, url); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t.Context(), client, url); err == nil || !strings.Contains(err.Error(), "refuse to connect to 169.254.169.254") {
		t.Error(err)
	}
}

func TestOnlyWhatIsAllowed(t *testing.T) {
	inside := at(t, "127.0.0.1", func(http.ResponseWriter, *http.Request) {})
	outside := at(t, "127.0.0.2", func(http.ResponseWriter, *http.Request) { t.Error("it was called") })
	for how, client := range clients(t, outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}) {
		if _, err := ask(t.Context(), client, inside.URL); err != nil {
			t.Errorf("%s: %v", how, err)
		}
		if _, err := ask(t.Context(), client, outside.URL); err == nil || !strings.Contains(err.Error(), "--outbound.allow") {
			t.Errorf("%s: %v", how, err)
		}
	}
}

// There is a proxy if the file says so, and it is an address like any other.
func TestProxies(t *testing.T) {
	for text, want := range map[string]int64{
		"":                                       0,
		"follow_redirects: true\n":               0,
		"proxy_url: " + os.Getenv("HTTP_PROXY"):  1,
		"proxy_from_environment: true\n":         1,
		"proxy_url: http://169.254.169.254:80\n": 0,
	} {
		proxied.Store(0)
		file := ""
		if text != "" {
			file = filepath.Join(t.TempDir(), "http.yml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		client, err := outbound.Open("test", file, outbound.Login{}, outbound.Options{Within: 5 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		_, err = ask(t.Context(), client, "http://nobody.invalid/")
		if n := proxied.Load(); n != want || (err == nil) != (want == 1) {
			t.Errorf("%q: %d calls of the proxy, %v", text, n, err)
		}
		if _, err := ask(t.Context(), client, "http://169.254.169.254/"); err == nil || !strings.Contains(err.Error(), "refuse to connect") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestExcerpt(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "",
		" a\nb\tc ":                           "a b c",
		"red \x1b[31m\u202e\u200btext\xff":    "red [31mtext\ufffd",
		strings.Repeat("ä", 201):              strings.Repeat("ä", 200) + "…",
		strings.Repeat("ä", 200):              strings.Repeat("ä", 200),
		strings.Repeat("\x00", 1<<20) + "end": "",
		"refused: Authorization: Bearer CANARY-4711-4711": "refused: Authorization: [redacted]",
		`{"headers": {"X-Api-Key": ["CANARY-4711"]}}`:     `{ "headers": { "X-Api-Key": "[redacted]" } }`,
	} {
		if got := outbound.Excerpt(text); got != want {
			t.Errorf("%.40q is %q, want %q", text, got, want)
		}
	}
}
