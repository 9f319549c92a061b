package e2e

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/report/notify"
)

// A mild breach is approved by the program's own command, by a person who is signed in.
func TestMildBreachApprovedByCommand(t *testing.T) {
	t.Parallel()
	s := start(t, options{people: true, runbook: mildErrors})
	asked := s.mildBreach()
	if st, err := s.client().Status(t.Context()); err != nil || len(st.Budget.Recent) != 0 || !s.weights().Equal(record.Split{"ranker-v1": 95, "ranker-v2": 5}) {
		t.Fatalf("something was moved before anybody approved: %v, %v", s.weights(), err)
	}
	password := s.write("password", "demo")
	bin := built.File(t)
	approve := func(args ...string) (string, error) {
		args = append([]string{"approve", asked.Approval, "--url=http://" + s.daemons[0].web}, args...)
		out, err := exec.CommandContext(t.Context(), bin, args...).CombinedOutput()
		return string(out), err
	}
	if out, err := approve("--service=ranker"); err == nil {
		t.Errorf("approved without signing in: %s", out)
	}
	if out, err := approve("--service=other", "--user=demo", "--password-file="+password); err == nil {
		t.Errorf("approved with the wrong service's name: %s", out)
	}
	if out, err := approve("--service=ranker", "--user=demo", "--password-file="+password); err != nil {
		t.Fatalf("approve: %v: %s", err, out)
	}
	if out, err := approve("--service=ranker", "--user=demo", "--password-file="+password); err == nil {
		t.Errorf("approved twice: %s", out)
	}
	s.approved(asked, "demo", "basic_auth")
}

// The same by the link's form, with the browser's cookie and the form's nonce.
func TestMildBreachApprovedByLink(t *testing.T) {
	t.Parallel()
	s := start(t, options{runbook: mildErrors})
	asked := s.mildBreach()
	link := s.link(asked)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	page := s.open(browser, link+"?answer=yes")
	nonce := regexp.MustCompile(`name="nonce" value="([^"]+)"`).FindStringSubmatch(page)
	if nonce == nil {
		t.Fatalf("the page has no nonce:\n%s", page)
	}
	if split := s.weights(); !split.Equal(record.Split{"ranker-v1": 95, "ranker-v2": 5}) {
		t.Fatalf("looking at the page changed the split to %v", split)
	}
	form := url.Values{"nonce": {html.UnescapeString(nonce[1])}, "service": {"ranker"}, "decision": {"approve"}, "reason": {"it is slow"}}
	if code := s.post(&http.Client{}, link, form); code != http.StatusForbidden {
		t.Errorf("a form without the cookie gives %d, want 403", code)
	}
	if code := s.post(browser, link, form); code != http.StatusOK {
		t.Fatalf("the form gives %d, want 200", code)
	}
	if code := s.post(browser, link, form); code == http.StatusOK {
		t.Error("the form was taken twice")
	}
	s.approved(asked, "holder of the link", "link_only")
}

// mildErrors makes errors the mild trigger: the load of this machine cannot make them
// severe, as it can make a somewhat slower version much slower.
func mildErrors(text string) string {
	return strings.Replace(text, "type: error_rate\n    severity: severe", "type: error_rate\n    severity: mild", 1)
}

// mildBreach makes v2 fail and waits for the question, and until the breach is proved so
// well that no good request, and no late one, can end it before somebody answers.
func (s *stack) mildBreach() record.Incident {
	s.t.Helper()
	b := demo.Well
	b.Errors = 0.95
	s.service.Candidate.Behave(b)
	asked := s.incident("a question", 120*time.Second, func(i record.Incident) bool { return i.Phase == record.Awaiting })
	s.await("more proof than is needed", 60*time.Second, func() error {
		got, err := s.significance(s.daemons[0])
		if err == nil && got.value < 2 {
			err = fmt.Errorf("significance is %v", got.value)
		}
		return err
	})
	return asked
}

// approved waits for the end of a rollback that a human approved.
func (s *stack) approved(asked record.Incident, by, how string) {
	s.t.Helper()
	inc := s.incident("a closed incident", 120*time.Second, settled)
	if inc.ID != asked.ID || inc.By != by {
		s.t.Errorf("incident %s by %q, want %s by %q", inc.ID, inc.By, asked.ID, by)
	}
	if inc.Verdict == nil || inc.Verdict.Outcome != record.Recovered {
		s.t.Errorf("verdict %+v, want recovered", inc.Verdict)
	}
	if split := s.weights(); !split.Equal(record.Split{"ranker-v1": 100}) {
		s.t.Errorf("the split is %v, want all on v1", split)
	}
	a, err := s.client().Approval(s.t.Context(), asked.Approval)
	if err != nil || a.Status != record.Approved || a.How != how {
		s.t.Errorf("approval %+v, %v; want approved by %s", a, err, how)
	}
	st, err := s.client().Status(s.t.Context())
	if err != nil || len(st.Incidents) != 1 || len(st.Budget.Recent) != 0 {
		s.t.Errorf("%d incidents, %d automatic rollbacks, %v; want one and none", len(st.Incidents), len(st.Budget.Recent), err)
	}
	s.evidence(s.daemons[0], inc)
}

// link finds the approval's link where a human would: in the team's Alertmanager.
func (s *stack) link(inc record.Incident) string {
	s.t.Helper()
	var link string
	s.await("the link to be sent", 30*time.Second, func() error {
		text, err := s.fetch(http.DefaultClient, s.ams[0].URL+"/api/v2/alerts?filter=alertname="+notify.AlertName)
		if err != nil {
			return err
		}
		var alerts []struct{ Annotations map[string]string }
		if err := json.Unmarshal([]byte(text), &alerts); err != nil {
			return err
		}
		for _, a := range alerts {
			if link = a.Annotations["approval"]; strings.Contains(link, report.ApprovePath) {
				return nil
			}
		}
		return fmt.Errorf("no message about %s has a link: %s", inc.ID, text)
	})
	return link
}

func (s *stack) open(c *http.Client, address string) string {
	s.t.Helper()
	text, err := s.fetch(c, address)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

func (s *stack) fetch(c *http.Client, address string) (string, error) {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	resp, err := c.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", address, resp.Status, text)
	}
	return string(text), err
}

func (s *stack) post(c *http.Client, address string, form url.Values) int {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := c.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
