package notify

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/secret"
	"github.com/autorollback/autorollback/test/receivers"
)

const approvalLink = "https://autorollback.example/approve/t?a=1&b=2"

func incidentPage(m record.Message) string {
	return "https://autorollback.example/incidents/" + m.Incident
}

// A chat is one of the two, with the server that it posts to.
type chat struct {
	sender Sender
	server *receivers.Chat
}

func chats(t *testing.T) map[string]chat {
	t.Helper()
	client := outbound.New(outbound.Options{})
	slackServer, teamsServer := receivers.Slack(t), receivers.Teams(t)
	slack, err := NewSlack(secret.New(slackServer.URL), client, incidentPage)
	if err != nil {
		t.Fatal(err)
	}
	teams, err := NewTeams(secret.New(teamsServer.URL), client, incidentPage)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]chat{"slack": {slack, slackServer}, "teams": {teams, teamsServer}}
}

// texts are all strings of a body of JSON, as a reader decodes it.
func texts(t *testing.T, body []byte) string {
	t.Helper()
	var all []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			all = append(all, v)
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			for _, e := range v {
				walk(e)
			}
		}
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	walk(v)
	return strings.Join(all, "\n")
}

// A question has what happened, its links, and the line that all messages of the incident have.
func TestChats(t *testing.T) {
	for name, c := range chats(t) {
		t.Run(name, func(t *testing.T) {
			inc := incidents()["acted"]
			for _, m := range []record.Message{report.Opened(inc, ranker(), breach), report.Asking(incidents()["awaiting"], ranker(), breach)} {
				m.Anchor = record.Anchor{Replica: "a", Head: record.Head{Lines: 7, Digest: "00"}}
				link := ""
				if m.Kind == report.KindApproval {
					link = approvalLink
				}
				if err := c.sender.Send(t.Context(), m, link); err != nil {
					t.Fatal(err)
				}
				bodies := c.server.Bodies()
				said := texts(t, bodies[len(bodies)-1])
				want := []string{m.Title, strings.Split(m.Text, "\n")[0], "https://autorollback.example/incidents/inc-0123456789ab", "https://autorollback.example/incidents/inc-0123456789ab#charts", "ranker (eu), incident inc-0123456789ab", "2026-11-20 15:04:05 UTC", "a 7:sha256:00"}
				if link != "" {
					want = append(want, map[string]string{"slack": strings.ReplaceAll(link, "&", "&amp;"), "teams": link}[name])
				}
				for _, w := range want {
					if !strings.Contains(said, w) {
						t.Errorf("%s lacks %q:\n%s", m.Kind, w, said)
					}
				}
				if strings.Contains(said, "/approve/") != (link != "") {
					t.Errorf("%s: the approval's link is wrong:\n%s", m.Kind, said)
				}
			}
		})
	}
}

// What an attacker wrote is text, whatever the message's author did to it, and nothing is longer than the chats take.
func TestChatsTakeHostileText(t *testing.T) {
	for name, c := range chats(t) {
		t.Run(name, func(t *testing.T) {
			raw := report.Asking(hostileIncident(), nil, breach)
			raw.Title, raw.Text = hostile, strings.Repeat(hostile+"\n", 40)
			long := raw
			long.Title, long.Text = strings.Repeat("<&>", 3000), strings.Repeat("💥<&>", 30_000)
			long.Service, long.Region, long.Incident = strings.Repeat("s", 9000), strings.Repeat("<", 9000), strings.Repeat("i", 900)
			for _, m := range []record.Message{report.Asking(hostileIncident(), nil, breach), raw, long, {ID: "m", Title: "x", CreatedAt: breach}} {
				if err := c.sender.Send(t.Context(), m, approvalLink); err != nil {
					t.Errorf("%.40s: %v", m.Title, err) // the server says why
				}
			}
			if n := len(c.server.Bodies()); n != 4 {
				t.Errorf("%d of 4 were taken", n)
			}
		})
	}
}

// What a chat answers is told without its address, and decides what is done with the message.
func TestChatsAnswers(t *testing.T) {
	m := report.Opened(incidents()["acted"], ranker(), breach)
	for name, c := range chats(t) {
		for _, a := range []struct {
			status  int
			header  []string
			refused bool
			await   time.Duration
		}{
			{http.StatusTooManyRequests, []string{"Retry-After", "30"}, false, 30 * time.Second},
			{http.StatusTooManyRequests, []string{"Retry-After", "soon"}, false, 0},
			{http.StatusTooManyRequests, []string{"Retry-After", "-5"}, false, 0},
			{http.StatusTooManyRequests, []string{"Retry-After", "99999999999"}, false, 24 * time.Hour},
			{http.StatusServiceUnavailable, []string{"Retry-After", "7"}, false, 7 * time.Second},
			{http.StatusInternalServerError, []string{"Retry-After", "7"}, false, 0},
			{http.StatusBadRequest, nil, name == "slack", 0},
			{http.StatusRequestEntityTooLarge, nil, name == "teams", 0},
			{http.StatusForbidden, nil, false, 0},
			{http.StatusNotFound, nil, false, 0},
			{http.StatusGone, nil, false, 0},
			{http.StatusFound, []string{"Location", "/login"}, false, 0},
		} {
			c.server.Down(a.status, a.header...)
			before := c.server.Posts()
			err := c.sender.Send(t.Context(), m, "")
			switch {
			case err == nil:
				t.Errorf("%s: %d is taken for success", name, a.status)
			case Refused(err) != a.refused || Await(err) != a.await:
				t.Errorf("%s %d %v: refused %t, await %s", name, a.status, a.header, Refused(err), Await(err))
			case strings.Contains(err.Error(), "canary4711"), strings.Contains(err.Error(), "CANARY"):
				t.Errorf("%s: the error has the address: %v", name, err)
			case c.server.Posts() != before+1:
				t.Errorf("%s: asked %d times", name, c.server.Posts()-before)
			}
		}
	}
}

func TestRetryAfterIsADate(t *testing.T) {
	a := answer{status: http.StatusTooManyRequests, header: http.Header{"Retry-After": {breach.Add(time.Minute).Format(http.TimeFormat)}}}
	if got := retryAfter(a, breach); got != time.Minute {
		t.Errorf("got %s, want a minute", got)
	}
	if got := retryAfter(a, breach.Add(time.Hour)); got != 0 {
		t.Errorf("a date that is over: %s", got)
	}
}

func TestChatsRefuseAddresses(t *testing.T) {
	for _, url := range []string{"hooks.example/CANARY", "file:///CANARY", "https://user:CANARY@hooks.example/", "https:///CANARY", "http://[::1/CANARY"} {
		_, slack := NewSlack(secret.New(url), nil, nil)
		_, teams := NewTeams(secret.New(url), nil, nil)
		for _, err := range []error{slack, teams} {
			if err == nil || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("%s: %v", url, err)
			}
		}
	}
}

func FuzzClip(f *testing.F) {
	f.Add("a<b>&c", 5)
	f.Add("💥💥💥", 2)
	f.Fuzz(func(t *testing.T, text string, most int) {
		if most < 1 || most > 1000 {
			return
		}
		got := clip(text, most, slackEscape)
		if n := len([]rune(got)); n > most {
			t.Errorf("%d characters, want %d", n, most)
		}
		if strings.ContainsAny(strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(got), "<>&") {
			t.Errorf("%q is not escaped: an entity was cut", got)
		}
	})
}
