package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/secret"
)

// standardWebhook verifies a request from the text of the Standard Webhooks
// specification, sharing nothing with the sender.
func standardWebhook(r *http.Request, body []byte, secret string, now time.Time) error {
	id, stamp := r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp")
	sent, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil || id == "" || strings.Contains(id, ".") {
		return fmt.Errorf("headers: id %q, timestamp %q", id, stamp)
	}
	if age := now.Sub(time.Unix(sent, 0)); age > 5*time.Minute || age < -5*time.Minute {
		return fmt.Errorf("timestamp is %s off", age)
	}
	key, err := base64.StdEncoding.DecodeString(secret[len("whsec_"):])
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "." + string(body)))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, have := range strings.Fields(r.Header.Get("webhook-signature")) {
		if hmac.Equal([]byte(have), []byte(want)) {
			return nil
		}
	}
	return fmt.Errorf("signature %q, want %q", r.Header.Get("webhook-signature"), want)
}

func secretOf(b byte) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(string(rune(b))+"0123456789 a secret of tests"))
}

// hookTo is a webhook as the daemon makes it.
func hookTo(url string, secrets ...secret.Value) (*Webhook, error) {
	return NewWebhook(secret.New(url), outbound.New(outbound.Options{}), secrets...)
}

func TestWebhook(t *testing.T) {
	var ids []string
	answer := http.StatusInternalServerError
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for _, secret := range []string{secretOf('a'), secretOf('b')} {
			if err := standardWebhook(r, body, secret, time.Now()); err != nil {
				t.Error(err)
			}
		}
		if err := standardWebhook(r, body, secretOf('c'), time.Now()); err == nil {
			t.Error("a stranger's secret verifies")
		}
		if err := standardWebhook(r, append(body, ' '), secretOf('a'), time.Now()); err == nil {
			t.Error("an edited body verifies")
		}
		var got struct {
			Type string
			Data map[string]any
		}
		if err := json.Unmarshal(body, &got); err != nil || got.Type != "autorollback.incident.approval" || got.Data["approval_link"] != "https://x/approve/t" || got.Data["page"] != true ||
			got.Data["journal"] != "a 7:sha256:00" || got.Data["journal_signature"] != "signed" {
			t.Errorf("body %s: %v", body, err)
		}
		ids = append(ids, r.Header.Get("Webhook-Id"))
		w.WriteHeader(answer)
	}))
	defer server.Close()
	w, err := hookTo(server.URL+"/hook", secret.New(secretOf('a')), secret.New(secretOf('b')))
	if err != nil {
		t.Fatal(err)
	}
	m := report.Asking(incidents()["awaiting"], ranker(), breach)
	m.Anchor = record.Anchor{Replica: "a", Head: record.Head{Lines: 7, Digest: "00"}, Signature: "signed"}
	if err := w.Send(t.Context(), m, "https://x/approve/t"); err == nil {
		t.Error("a 500 was taken for success")
	}
	answer = http.StatusNoContent
	if err := w.Send(t.Context(), m, "https://x/approve/t"); err != nil {
		t.Error(err)
	}
	if len(ids) != 2 || ids[0] != m.ID || ids[1] != m.ID {
		t.Errorf("webhook-ids are %v, want %s twice", ids, m.ID)
	}
}

func TestWebhookAnswers(t *testing.T) {
	for status, want := range map[int]string{
		200: "", 201: "", 204: "", 301: "status 301", 302: "status 302", 307: "status 307", 308: "status 308",
		400: "status 400", 401: "status 401", 404: "status 404", 429: "status 429", 500: "status 500", 503: "status 503",
	} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			asked := 0
			var server *httptest.Server
			server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if asked++; asked > 1 {
					t.Error("a redirect was followed")
				}
				w.Header().Set("Location", server.URL+"/login")
				w.WriteHeader(status)
			}))
			defer server.Close()
			w, err := hookTo(server.URL+"/CANARY", secret.New(secretOf('a')))
			if err != nil {
				t.Fatal(err)
			}
			err = w.Send(t.Context(), report.Opened(incidents()["acted"], nil, breach), "")
			if (err == nil) != (want == "") || err != nil && !strings.HasSuffix(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
			if err != nil && strings.Contains(err.Error(), "CANARY") {
				t.Errorf("the error shows the path: %v", err)
			}
		})
	}
}

func TestWebhookGone(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusGone)
	}))
	defer server.Close()
	w, err := hookTo(server.URL, secret.New(secretOf('a')))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := w.Send(t.Context(), report.Opened(incidents()["acted"], nil, breach), ""); !errors.Is(err, ErrDisabled) {
			t.Errorf("got %v", err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times after 410 Gone", asked)
	}
}

func TestWebhookRefuses(t *testing.T) {
	good := secret.New(secretOf('a'))
	for name, c := range map[string]struct {
		url    string
		secret []secret.Value
	}{
		"no scheme":    {"hooks.example/x", []secret.Value{good}},
		"file":         {"file:///etc/passwd", []secret.Value{good}},
		"user":         {"https://user:pw@hooks.example", []secret.Value{good}},
		"no host":      {"https:///x", []secret.Value{good}},
		"no secret":    {"https://hooks.example", nil},
		"short secret": {"https://hooks.example", []secret.Value{secret.New("whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 23)))}},
		"long secret":  {"https://hooks.example", []secret.Value{secret.New("whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65)))}},
		"one byte":     {"https://hooks.example", []secret.Value{secret.New("whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 32)))}},
		"no base64":    {"https://hooks.example", []secret.Value{secret.New("whsec_***")}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := hookTo(c.url, c.secret...); err == nil {
				t.Error("taken")
			}
		})
	}
}

// TestWebhookForbiddenAddresses really tries to connect.
func TestWebhookForbiddenAddresses(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:9") // must not be used
	for _, host := range []string{
		"169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "0.0.0.0", "[::]",
		"168.63.129.16", "100.100.100.200", "[fd00:ec2::254]", "224.0.0.1", "0xa9fea9fe", "2852039166",
	} {
		w, err := hookTo("http://"+host+"/latest/meta-data", secret.New(secretOf('a')))
		if err != nil {
			t.Fatal(err)
		}
		// The last two are numbers that some resolvers take for an address. Where none
		// answers, the name has come to nothing, and that is as good.
		var found atomic.Bool
		found.Store(true)
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
			DNSStart: func(httptrace.DNSStartInfo) { found.Store(false) },
			DNSDone:  func(i httptrace.DNSDoneInfo) { found.Store(i.Err == nil) },
		})
		err = w.Send(ctx, report.Opened(incidents()["acted"], nil, breach), "")
		if err == nil || found.Load() && !strings.Contains(err.Error(), "refuse to connect") {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestSendersKeepTheirSecrets(t *testing.T) {
	key := "whsec_" + base64.StdEncoding.EncodeToString([]byte("CANARY-4711-CANARY-4711-CANARY"))
	w, err := hookTo("https://hooks.example/CANARY-path", secret.New(key))
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%v %+v %#v %s", w, w, w, []any{w}); strings.Contains(got, "CANARY") || strings.Contains(got, "67 65 78 65 82 89") {
		t.Errorf("a printed webhook shows its secrets: %s", got)
	}
}
