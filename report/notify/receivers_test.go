package notify

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/test/receivers"
	"github.com/autorollback/autorollback/test/servers"
)

// posts are what came to a server, by path.
type posts struct {
	mu  sync.Mutex
	got map[string][]string
}

func (p *posts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got[r.URL.Path] = append(p.got[r.URL.Path], string(body))
	switch r.URL.Path {
	case "/pagerduty":
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, `{"status":"success"}`)
	case "/slack":
		_, _ = io.WriteString(w, "ok")
	}
}

func (p *posts) at(path string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got[path])
}

// The generated example is loaded by a real Alertmanager, which then brings an incident's messages to each of
// the four: all of them once, pages to PagerDuty as one incident, mail as one thread.
func TestGeneratedReceiversInARealAlertmanager(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	p := &posts{got: map[string][]string{}}
	hooks := httptest.NewServer(p)
	defer hooks.Close()
	mail := receivers.Mail(t, "starttls", "PLAIN")
	edits := []string{
		"/etc/alertmanager/pagerduty.key", write("pagerduty.key", strings.Repeat("k", 32)) + "\n    url: " + hooks.URL + "/pagerduty",
		"/etc/alertmanager/slack.url", write("slack.url", hooks.URL+"/slack"), "/etc/alertmanager/teams.url", write("teams.url", hooks.URL+"/teams"),
		"/etc/alertmanager/mail.password", write("mail.password", receivers.MailPassword), "auth_username: alertmanager", "auth_username: " + receivers.MailUser,
		"smarthost: smtp.example.com:587", "smarthost: " + mail.Address + "\n    tls_config: {ca_file: " + mail.CAFile + "}", "group_interval: 15s", "group_interval: 1s",
	}
	text := string(rules.Receivers())
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("the example has no %q", edits[i])
		}
	}
	am := servers.Alertmanager(t, strings.NewReplacer(edits...).Replace(text))
	a := poster(am.URL)
	inc := incidents()["awaiting"]
	held := recent(report.HeldMsg(inc, ranker(), breach))
	for n, m := range []record.Message{recent(report.Opened(inc, ranker(), breach)), recent(report.Asking(inc, ranker(), breach)), held} {
		link := ""
		if m.Kind == report.KindApproval {
			link = approvalLink
		}
		if err := a.Send(t.Context(), m, link); err != nil {
			t.Fatal(err)
		}
		soon(t, fmt.Sprintf("message %d", n+1), func() bool {
			return len(p.at("/slack")) == n+1 && len(p.at("/teams")) == n+1 && len(p.at("/pagerduty")) == n && len(mail.Letters()) == n+1
		})
	}
	var keys []string
	for _, body := range p.at("/pagerduty") {
		var event struct {
			Key     string `json:"dedup_key"`
			Action  string `json:"event_action"`
			Payload struct{ Summary string }
		}
		if err := json.Unmarshal([]byte(body), &event); err != nil || event.Action != "trigger" || event.Payload.Summary == "" {
			t.Errorf("%v: %s", err, body)
		}
		keys = append(keys, event.Key)
	}
	if len(slices.Compact(keys)) != 1 {
		t.Errorf("PagerDuty makes %d incidents of one", len(slices.Compact(keys)))
	}
	threads := map[string]bool{}
	for _, l := range mail.Letters() {
		threads[l.Header.Get("References")] = true
	}
	if len(threads) != 1 {
		t.Errorf("mail is %d threads", len(threads))
	}
	for _, path := range []string{"/slack", "/teams"} {
		if body := p.at(path)[1]; !strings.Contains(body, "approve/t") || !strings.Contains(body, "roll back v2 to v1?") {
			t.Errorf("%s: %s", path, body)
		}
	}
}

// soon waits for something that a real server does.
func soon(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	over := time.After(time.Minute)
	for !is() {
		select {
		case <-tick.C:
		case <-over:
			t.Fatalf("%s did not come", what)
		}
	}
}
