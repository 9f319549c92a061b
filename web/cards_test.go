package web_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

var orderLink = regexp.MustCompile(`href="(/services/ranker/default/[a-z]+|/control|/approve/)`)

// Each button is there for who has its role, and for nobody else.
func TestButtonsByRole(t *testing.T) {
	const target = "/services/ranker/default/"
	for name, c := range map[string]struct {
		roles     string
		approvers []string
		want      []string
	}{
		"who may look":    {"roles: {view: [alice]}", nil, nil},
		"an operator":     {"roles: {operate: [alice]}", nil, []string{target + "hold", target + "promote", target + "resume", target + "rollback"}},
		"an approver":     {"roles: {approve: [alice]}", nil, []string{"/approve/"}},
		"the runbook's":   {"roles: {view: [alice]}", []string{"alice"}, []string{"/approve/"}},
		"an admin":        {"roles: {admin: [alice]}", nil, []string{"/control"}},
		"all of them":     {"roles: {operate: [alice], approve: [alice], admin: [alice]}", nil, []string{"/approve/", "/control", target + "hold", target + "promote", target + "resume", target + "rollback"}},
		"somebody else's": {"roles: {view: [alice], operate: [bob], approve: [bob], admin: [bob]}", nil, nil},
	} {
		auth := signIn(t)
		auth.RolesFile = write(t, c.roles)
		s := siteOf(t, auth)
		s.approvers = c.approvers
		var found []string
		for _, m := range orderLink.FindAllStringSubmatch(s.ask(http.MethodGet, "/", "", as("alice")).Body.String(), -1) {
			found = append(found, m[1])
		}
		slices.Sort(found)
		if found = slices.Compact(found); !slices.Equal(found, c.want) {
			t.Errorf("%s has %v, want %v", name, found, c.want)
		}
		for _, order := range []string{"promote", "flip", "hold", "resume", "rollback"} { // and by the address
			w := s.ask(http.MethodGet, target+order, "", as("alice"))
			if may := slices.Contains(c.want, target+"hold"); (w.Code == http.StatusOK) != may {
				t.Errorf("%s is answered %d at %s", name, w.Code, order)
			}
		}
	}
}

// A button that would be refused cannot be pressed, and the card says why.
func TestRefusedButtons(t *testing.T) {
	s := newSite(t, signIn(t))
	s.bars = map[record.OrderAction]string{record.OrderPromote: "at 5 % until <noon>"}
	page := s.ask(http.MethodGet, "/", "", as("alice")).Body.String()
	for _, want := range []string{"disabled aria-describedby=\"card-ranker-default-refused\">Promote</button>", "Why not promote?", "<dd>at 5 % until &lt;noon&gt;</dd>", linkTo("hold")} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if strings.Contains(page, linkTo("promote")) {
		t.Error("the button can be pressed")
	}
	s.barred = "at 5 % until <noon>"
	w := s.ask(http.MethodGet, "/services/ranker/default/promote", "", as("alice"))
	if page := w.Body.String(); w.Code != http.StatusOK || strings.Contains(page, "<form") || !strings.Contains(page, "This would be refused now: at 5 % until &lt;noon&gt;") {
		t.Errorf("the order's page answers %d: %s", w.Code, page)
	}
}

func linkTo(order string) string { return `href="/services/ranker/default/` + order + `"` }

// The page shows what would be written, and its form gives the order that was shown, once.
func TestOrderPage(t *testing.T) {
	s := newSite(t, signIn(t))
	const path = "/services/ranker/default/rollback"
	page := s.ask(http.MethodGet, path, "", as("alice")).Body.String()
	for _, want := range []string{"Roll v2 back to v1?", "v2 5 % → 0 %, v1 95 % → 100 %", "<code>traefik/weight</code>", "<code>&lt;5&gt;</code>", "sha256:plan", "You are alice"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	s.unchanged("looking")
	for name, c := range map[string]struct {
		form url.Values
		edit asks
		code int
		says string
	}{
		"no reason":        {url.Values{"reason": {" "}}, nothing, 400, "Give a reason"},
		"another plan":     {url.Values{"plan": {"sha256:other"}}, nothing, 409, "The plan has changed"},
		"no plan":          {url.Values{"plan": {""}}, nothing, 409, "The plan has changed"},
		"no cookie":        {nil, func(r *http.Request) { r.Header.Del("Cookie") }, 403, "not ours"},
		"another's form":   {url.Values{"nonce": {"ABCDEFGHIJKLMNOPQRSTUVWXYZ"}}, nothing, 403, "not ours"},
		"another site":     {nil, with("Sec-Fetch-Site", "cross-site"), 403, "another site"},
		"no such order":    {nil, func(r *http.Request) { r.URL.Path = "/services/ranker/default/start" }, 404, "no such page"},
		"a broken form":    {nil, func(r *http.Request) { r.URL.RawQuery = "%zz" }, 400, "cannot be read"},
		"a name that none": {nil, func(r *http.Request) { r.URL.Path = "/services/RANKER/default/hold" }, 404, "no such page"},
	} {
		r := s.fill(path, c.form, as("alice"))
		c.edit(r)
		w := s.send(r)
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) {
			t.Errorf("%s answers %d, want %d and %q: %s", name, w.Code, c.code, c.says, w.Body)
		}
		s.unchanged(name)
	}
	s.mu.Lock()
	s.plan = "sha256:new" // and the same form says what would be done now
	s.mu.Unlock()
	if page := s.send(s.fill(path, url.Values{"plan": {"sha256:plan"}}, as("alice"))).Body.String(); !strings.Contains(page, `name="plan" value="sha256:new"`) || !strings.Contains(page, `value="it is slow"`) {
		t.Errorf("it is not shown anew: %s", page)
	}
	s.unchanged("an old form")
	if w := s.send(s.fill(path, nil, as("alice"))); w.Code != 200 || !strings.Contains(w.Body.String(), "Your order was taken") {
		t.Errorf("answers %d: %s", w.Code, w.Body)
	}
	if got := s.done(); !slices.Equal(got, []string{"rollback ranker/default by alice: it is slow"}) {
		t.Errorf("did %v", got)
	}
}

// Whoever is refused by the engine is noted, as by the API.
func TestRefusedOrderOfThePageIsNoted(t *testing.T) {
	s := newSite(t, signIn(t))
	s.fails = runbook.Refuse("not now")
	if w := s.send(s.fill("/services/ranker/default/hold", nil, as("alice"))); w.Code != 409 || !strings.Contains(w.Body.String(), "not now") {
		t.Errorf("answers %d: %s", w.Code, w.Body)
	}
	if want := []string{"alice POST /services/ranker/default/hold"}; !slices.Equal(s.tried, want) {
		t.Errorf("noted is %q, want %q", s.tried, want)
	}
}

// The stop switch is thrown by the rules of the API, and only as it was shown.
func TestControlPage(t *testing.T) {
	s := newSite(t, signIn(t))
	if page := s.ask(http.MethodGet, "/control", "", as("alice")).Body.String(); !strings.Contains(page, `name="mode" value="paused"`) || !strings.Contains(page, `<option value="1h0m0s">1 h</option>`) {
		t.Errorf("the page is %s", page)
	}
	for name, form := range map[string]url.Values{"no reason": {"reason": {""}}, "another switch": {"plan": {"sha256:x"}}, "no time": {"for": {"soon"}}, "no mode": {"mode": {"sleep"}}, "a time that is over": {"for": {"-1h"}}} {
		if w := s.send(s.fill("/control", form, as("alice"))); w.Code < 400 || w.Code >= 500 {
			t.Errorf("%s answers %d", name, w.Code)
		}
		s.unchanged(name)
	}
	request := s.fill("/control", nil, as("alice"))
	s.overtakes = &record.Control{Mode: runbook.Observe, By: "carol", Reason: "a look at it"}
	if w := s.send(request); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "Somebody changed the stop switch") || !strings.Contains(w.Body.String(), "carol") ||
		!strings.Contains(w.Body.String(), "it is slow") {
		t.Errorf("overtaken by carol it answers %d: %s", w.Code, w.Body)
	}
	s.overtakes = nil
	s.unchanged("overtaken")
	s.status.Control = record.Control{Mode: runbook.Paused, By: "bob", Reason: "drill", Until: time.Now().Add(time.Hour)}
	if w := s.send(s.fill("/control", url.Values{"mode": {"active"}}, as("alice"))); w.Code != 200 {
		t.Errorf("answers %d: %s", w.Code, w.Body)
	}
	if got := s.done(); !slices.Equal(got, []string{"control active by alice: it is slow"}) {
		t.Errorf("did %v", got)
	}
}

// The list is paged by what it follows, so that an address shows the same whatever happens later.
func TestIncidentPages(t *testing.T) {
	s := newSite(t, signIn(t))
	s.status.Incidents = nil
	day := time.Date(2030, 5, 6, 9, 0, 0, 0, time.UTC)
	for n := range 120 {
		s.list = append(s.list, record.Incident{ID: fmt.Sprintf("inc-%03d", n), Service: "ranker", Triggers: []string{"errors"}, OpenedAt: day.Add(time.Duration(n/2) * time.Hour)})
	}
	older := regexp.MustCompile(`rel="next" href="([^"]*)"`)
	ids := regexp.MustCompile(`href="/incidents/(inc-\d+)"`)
	seen, pages := []string{}, 0
	for path := "/incidents?q=RANKER+err"; path != ""; pages++ {
		page := s.ask(http.MethodGet, path, "", as("alice")).Body.String()
		for _, m := range ids.FindAllStringSubmatch(page, -1) {
			seen = append(seen, m[1])
		}
		if path = ""; older.MatchString(page) {
			path = strings.ReplaceAll(older.FindStringSubmatch(page)[1], "&amp;", "&")
		}
		s.list = append(s.list, record.Incident{ID: fmt.Sprintf("inc-9%02d", pages), Service: "ranker", Triggers: []string{"errors"}, OpenedAt: day.Add(1000 * time.Hour)}) // a new one moves no page
	}
	slices.Sort(seen)
	if pages != 3 || len(slices.Compact(seen)) != 120 {
		t.Errorf("%d pages have %d incidents", pages, len(seen))
	}
	if page := s.ask(http.MethodGet, "/incidents?q=nobody", "", as("alice")).Body.String(); !strings.Contains(page, "No incident is like that.") {
		t.Error(page)
	}
}

// Each trigger of an open release has its small curve, with the newest level in words; without curves the card is
// the same without them.
func TestSparks(t *testing.T) {
	s := newSite(t, signIn(t))
	rb := runbook.Trigger{Name: "errors", Type: runbook.ErrorRate, Above: 0.05}
	s.sparked = []runbook.Trigger{rb}
	c := record.Curve{Kind: record.OfTrigger, Name: "errors", Drawn: "<b>error rate", Unit: "ratio"}
	for n := range 10 {
		one := record.Unsampled(time.Now().Add(time.Duration(n-10) * time.Minute))
		one.Candidate, one.Limit = record.Number(0.001*float64(n)), 0.05
		c.Samples = append(c.Samples, one)
	}
	if page := s.ask(http.MethodGet, "/", "", as("alice")).Body.String(); strings.Contains(page, `class="spark"`) || !strings.Contains(page, "errors") {
		t.Error("a curve is drawn of nothing, or its trigger is missing")
	}
	s = newSite(t, signIn(t))
	s.sparked, s.curves = []runbook.Trigger{rb}, []record.Curve{c, {Kind: record.OfRecovery, Name: "errors", Samples: c.Samples}, {Kind: record.OfTrigger, Name: "gone"}}
	page := s.ask(http.MethodGet, "/", "", as("alice")).Body.String()
	if strings.Count(page, `class="spark"`) != 1 || !strings.Contains(page, "<strong>0.9 %</strong>") || strings.Contains(page, "<b>error") {
		t.Errorf("the curve is missing: %s", page)
	}
	if !strings.Contains(page, "svg.spark") {
		t.Error("the page brings no style for its pictures")
	}
}
